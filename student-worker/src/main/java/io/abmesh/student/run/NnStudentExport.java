package io.abmesh.student.run;

import io.abmesh.nn.export.Dl4jExport;
import io.abmesh.nn.export.ExportCheck;
import io.abmesh.nn.export.ExportException;
import io.abmesh.nn.export.ExportedStudent;
import io.abmesh.nn.export.OnnxExport;
import io.abmesh.nn.export.TrainedLogits;
import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.student.session.WorkProgress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Writes the student's files with {@code nn}, which checks each against the trained network. */
final class NnStudentExport implements StudentExport {
    private final Path directory;
    private final String version;
    private final WorkProgress progress;

    /**
     * Writes nothing yet.
     *
     * @param directory made when the first student is exported
     * @param version of the program, for provenance
     * @param progress of the worker, which each file is
     */
    NnStudentExport(Path directory, String version, WorkProgress progress) {
        this.directory = directory;
        this.version = version;
        this.progress = progress;
    }

    @Override
    public List<ExportedFile> write(StudentRun run, ByteBuffer images, int count) {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new ExportException(
                    ExportException.Reason.UNWRITABLE,
                    "cannot make the export folder: folder=" + directory + ", cause=" + e,
                    e);
        }
        run.trainer().releasePasses(); // the formats' own runtimes need memory too
        ExportedStudent student = student(run);
        TrainedLogits trained = run.trainer()::logits;
        Path onnx = directory.resolve(ONNX);
        Path dl4j = directory.resolve(DL4J);
        return List.of(
                file(onnx, OnnxExport.write(onnx, student, trained, images, count)),
                file(dl4j, Dl4jExport.write(dl4j, student, trained, images, count)));
    }

    private ExportedStudent student(StudentRun run) {
        Normalization normalization = run.plan().begin().getNormalization();
        return new ExportedStudent(
                run.plan().network(),
                run.trainer().student(),
                new PixelNormalization(normalization.getMeanList(), normalization.getStdList()),
                Map.of(
                        ExportedStudent.VERSION_KEY,
                        version,
                        ExportedStudent.PLAN_KEY,
                        run.plan().planSha256(),
                        "abmesh.run_id",
                        run.plan().runId(),
                        "abmesh.track",
                        run.track(),
                        "abmesh.parameters_sha256",
                        run.trainer().parametersSha256(),
                        "abmesh.dataset_sha256",
                        run.plan().begin().getDatasetSha256(),
                        "abmesh.teacher_sha256",
                        run.plan().begin().getTeacherSha256()));
    }

    private ExportedFile file(Path path, ExportCheck check) {
        progress.pieceDone();
        return new ExportedFile(path, check.sha256(), check.sizeBytes(), check.maxDifference());
    }
}
