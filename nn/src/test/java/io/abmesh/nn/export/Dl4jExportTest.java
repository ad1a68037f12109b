package io.abmesh.nn.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.zip.ZipFile;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

final class Dl4jExportTest {
    @TempDir Path folder;

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"wrn-10-1", "resnet-20", "mobilenet-0.25"})
    void standardLayersComputeWhatTheTrainedNetworkComputes(String network) {
        try (TrainedStudent student = TrainedStudent.of(network)) {
            ExportCheck check =
                    Dl4jExport.write(
                            folder.resolve("student.dl4j.zip"),
                            student.exported(),
                            student,
                            TrainedStudent.images(18),
                            18);

            assertThat(check.maxDifference()).isPositive().isLessThan(1e-4 * check.scale());
        }
    }

    @Test
    void aStrangerLoadsTheArchiveWithPlainDl4jAndFeedsPixels() throws IOException {
        try (TrainedStudent student = TrainedStudent.of("wrn-10-1")) {
            Path file = folder.resolve("student.dl4j.zip");
            Dl4jExport.write(file, student.exported(), student, TrainedStudent.images(1), 1);

            ComputationGraph graph = ModelSerializer.restoreComputationGraph(file.toFile(), false);
            ByteBuffer pixels = TrainedStudent.images(2);
            INDArray input = Nd4j.create(DataType.FLOAT, 2, 3, 16, 16);
            for (int i = 0; i < pixels.capacity(); i++) {
                input.putScalar(i, pixels.get(i) & 0xff);
            }
            INDArray output = graph.outputSingle(input);

            assertThat(output.shape()).containsExactly(2, TrainedStudent.CLASSES);
            assertThat(output.dup('c').data().asFloat())
                    .usingComparatorWithPrecision(1e-3f)
                    .containsExactly(student.logits(pixels, 2));
            graph.close();
        }
    }

    @Test
    void theArchiveSaysWhereItComesFrom() throws IOException {
        try (TrainedStudent student = TrainedStudent.of("wrn-10-1")) {
            Path file = folder.resolve("student.dl4j.zip");
            Dl4jExport.write(file, student.exported(), student, TrainedStudent.images(1), 1);

            try (ZipFile archive = new ZipFile(file.toFile())) {
                assertThat(archive.getInputStream(archive.getEntry("abmesh.properties")))
                        .hasContent(
                                """
                                abmesh.classes=7
                                abmesh.input=raw-pixels
                                abmesh.network=wrn-10-1
                                abmesh.plan_sha256=0123
                                abmesh.taps=block2.layer.0.bn1,block3.layer.0.bn1,bn1
                                abmesh.version=test
                                """);
            }
        }
    }

    @Test
    void anArchiveThatComputesSomethingElseIsRefusedAndNoFileIsLeft() {
        try (TrainedStudent student = TrainedStudent.of("wrn-10-1")) {
            ExportException refused =
                    catchThrowableOfType(
                            ExportException.class,
                            () ->
                                    Dl4jExport.write(
                                            folder.resolve("student.dl4j.zip"),
                                            student.exported(),
                                            (images, count) ->
                                                    new float[count * TrainedStudent.CLASSES],
                                            TrainedStudent.images(2),
                                            2));

            assertThat(refused.reason()).isEqualTo(ExportException.Reason.EXPORT_MISMATCH);
            assertThat(folder).isEmptyDirectory();
        }
    }
}
