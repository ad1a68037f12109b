package io.abmesh.nn.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.teacher.TapCandidate;
import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.nn.teacher.TeacherEngines;
import io.abmesh.nn.teacher.TeacherException;
import io.abmesh.nn.teacher.TeacherOptions;
import io.abmesh.nn.teacher.TeacherSession;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class OnnxExportTest {
    @TempDir Path folder;

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"wrn-10-1", "wrn-16-2", "resnet-20", "mobilenet-0.25"})
    void onnxRuntimeComputesWhatTheTrainedNetworkComputes(String network) throws IOException {
        try (TrainedStudent student = TrainedStudent.of(network)) {
            Path file = folder.resolve("student.onnx");

            ExportCheck check =
                    OnnxExport.write(
                            file, student.exported(), student, TrainedStudent.images(6), 6);

            assertThat(check.maxDifference()).isPositive().isLessThan(1e-4 * check.scale());
            assertThat(check.imageCount()).isEqualTo(6);
            assertThat(check.sizeBytes()).isEqualTo(Files.size(file));
            assertThat(folder)
                    .isDirectoryContaining("glob:**student.onnx")
                    .isDirectoryNotContaining("glob:**.tmp");
        }
    }

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"wrn-10-1", "resnet-20", "mobilenet-0.25"})
    void anExportedStudentIsATeacherWhoseAutoTapsAreTheNetworksOwn(String network) {
        try (TrainedStudent student = TrainedStudent.of(network)) {
            Path file = folder.resolve("student.onnx");
            OnnxExport.write(file, student.exported(), student, TrainedStudent.images(1), 1);

            try (TeacherEngine engine = TeacherEngines.open(file, TeacherOptions.defaults())) {
                assertThat(
                                engine.describe().autoTaps().stream()
                                        .map(engine::resolve)
                                        .map(TapCandidate::tensor))
                        .isEqualTo(student.exported().network().taps());
                assertThat(engine.describe().rawPixels()).isTrue();
                assertThat(engine.describe().classCount()).isEqualTo(TrainedStudent.CLASSES);
                assertThat(engine.describe().inputShape()).containsExactly(-1L, 3L, 16L, 16L);
                assertThat(engine.describe().metadata())
                        .containsEntry("abmesh.version", "test")
                        .containsEntry("abmesh.plan_sha256", "0123")
                        .containsEntry("abmesh.network", network)
                        .containsEntry("abmesh.classes", "7");
            }
        }
    }

    @Test
    void aStudentThatComputesSomethingElseIsRefusedAndNoFileIsLeft() throws IOException {
        try (TrainedStudent student = TrainedStudent.of("wrn-10-1")) {
            Path file = Files.writeString(folder.resolve("student.onnx"), "of a former run");
            TrainedLogits off =
                    (images, count) -> {
                        float[] logits = student.logits(images, count);
                        logits[3] += 0.01f;
                        return logits;
                    };

            ExportException refused =
                    catchThrowableOfType(
                            ExportException.class,
                            () ->
                                    OnnxExport.write(
                                            file,
                                            student.exported(),
                                            off,
                                            TrainedStudent.images(2),
                                            2));

            assertThat(refused.reason()).isEqualTo(ExportException.Reason.EXPORT_MISMATCH);
            assertThat(refused)
                    .hasMessageStartingWith(
                            "export computes other logits than the trained network: file=student.onnx,"
                                    + " found=difference 0.0");
            assertThat(folder).isEmptyDirectory();
        }
    }

    @Test
    void aStudentWithAValueThatIsNotFiniteIsRefusedAndNoFileIsLeft() {
        try (TrainedStudent student = TrainedStudent.of("wrn-10-1")) {
            Map<String, StoredTensor> tensors = new HashMap<>(student.exported().tensors());
            float[] bias = new float[TrainedStudent.CLASSES];
            bias[2] = Float.NaN;
            tensors.put("fc.bias", StoredTensor.of(List.of((long) bias.length), bias));
            ExportedStudent broken =
                    new ExportedStudent(
                            student.exported().network(),
                            tensors,
                            student.exported().normalization(),
                            Map.of());

            ExportException refused =
                    catchThrowableOfType(
                            ExportException.class,
                            () ->
                                    OnnxExport.write(
                                            folder.resolve("student.onnx"),
                                            broken,
                                            student,
                                            TrainedStudent.images(1),
                                            1));

            assertThat(refused.reason()).isEqualTo(ExportException.Reason.EXPORT_MISMATCH);
            assertThat(refused)
                    .hasMessageStartingWith(
                            "exported student gives no logits to compare: file=student.onnx, found=")
                    .hasCauseInstanceOf(TeacherException.class);
            assertThat(folder).isEmptyDirectory();
        }
    }

    @Test
    void refusesAStudentThatLacksAnArray() {
        ExportException refused =
                catchThrowableOfType(
                        ExportException.class,
                        () ->
                                new ExportedStudent(
                                        Networks.parse("wrn-10-1", new FeatureShape(3, 16, 16), 7),
                                        Map.of(),
                                        TrainedStudent.NORMALIZATION,
                                        Map.of()));

        assertThat(refused.reason()).isEqualTo(ExportException.Reason.WRONG_PARAMETERS);
        assertThat(refused)
                .hasMessage(
                        "student lacks an array: name=conv1.weight, found=none, expected=[16, 3, 3, 3]");
    }

    @Test
    void refusesANormalisationOfOtherChannels() {
        try (TrainedStudent student = TrainedStudent.of("wrn-10-1")) {
            ExportException refused =
                    catchThrowableOfType(
                            ExportException.class,
                            () ->
                                    new ExportedStudent(
                                            student.exported().network(),
                                            student.exported().tensors(),
                                            new PixelNormalization(List.of(1f), List.of(1f)),
                                            Map.of()));

            assertThat(refused)
                    .hasMessage(
                            "normalisation does not fit the image: found=1 channels, expected=3");
        }
    }

    @Test
    void aTapOfTheFileIsTheTrainedNetworksResponseSoItsSignsSplit() {
        try (TrainedStudent student = TrainedStudent.of("wrn-10-1")) {
            Path file = folder.resolve("student.onnx");
            OnnxExport.write(file, student.exported(), student, TrainedStudent.images(1), 1);
            try (TeacherEngine engine = TeacherEngines.open(file, TeacherOptions.defaults());
                    TeacherSession session =
                            engine.open(List.of("bn1"), false, List.of(3L, 16L, 16L))) {
                ByteBuffer tap =
                        session.infer(TrainedStudent.images(4), 4, null).taps().get(0).bytes();
                int active = 0;
                int count = tap.remaining() / 4;
                while (tap.hasRemaining()) {
                    active += tap.getFloat() > 0 ? 1 : 0;
                }
                assertThat((double) active / count).isBetween(0.05, 0.95);
            }
        }
    }
}
