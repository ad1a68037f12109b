package io.abmesh.nn.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.nn.teacher.FloatTensor;
import io.abmesh.nn.teacher.TapCandidate;
import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.nn.teacher.TeacherEngines;
import io.abmesh.nn.teacher.TeacherOptions;
import io.abmesh.nn.teacher.TeacherResult;
import io.abmesh.nn.teacher.TeacherSession;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A student of one run is the teacher of the next, whichever of its two files is taken. */
final class ExportedStudentAsTeacherTest {
    private static final int COUNT = 6;
    private static final List<Long> IMAGE = List.of(3L, 16L, 16L);

    @TempDir Path folder;

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"wrn-10-1", "resnet-20", "mobilenet-0.25"})
    void bothFilesAnswerAlikeAndAsTheTrainedNetwork(String network) {
        try (TrainedStudent student = TrainedStudent.of(network)) {
            Path archive = folder.resolve("student.dl4j.zip");
            Path onnx = folder.resolve("student.onnx");
            Dl4jExport.write(archive, student.exported(), student, TrainedStudent.images(1), 1);
            OnnxExport.write(onnx, student.exported(), student, TrainedStudent.images(1), 1);
            TeacherOptions options = TeacherOptions.defaults().withTrusted(true).withChunkSize(4);

            try (TeacherEngine dl4j = TeacherEngines.open(archive, options);
                    TeacherEngine ort = TeacherEngines.open(onnx, options);
                    TeacherSession ours = dl4j.open(dl4j.describe(IMAGE).autoTaps(), true, IMAGE);
                    TeacherSession theirs = ort.open(ort.describe().autoTaps(), true, IMAGE)) {
                assertThat(dl4j.describe().engine()).isEqualTo("dl4j");
                assertThat(dl4j.describe().inputShape()).containsExactly(-1L, 3L, -1L, -1L);
                assertThat(dl4j.describe(IMAGE).taps())
                        .extracting(TapCandidate::sampleShape)
                        .isEqualTo(
                                ort.describe(IMAGE).taps().stream()
                                        .map(TapCandidate::sampleShape)
                                        .toList());
                assertThat(dl4j.describe(IMAGE).classCount()).isEqualTo(TrainedStudent.CLASSES);
                assertThat(dl4j.describe().rawPixels()).isTrue();
                assertThat(dl4j.describe().metadata()).containsEntry("abmesh.network", network);
                TeacherResult found = ours.infer(TrainedStudent.images(COUNT), COUNT, null);
                TeacherResult expected = theirs.infer(TrainedStudent.images(COUNT), COUNT, null);

                assertThat(values(found.logits()))
                        .usingComparatorWithPrecision(1e-4f * scale(values(expected.logits())))
                        .containsExactly(student.logits(TrainedStudent.images(COUNT), COUNT));
                assertThat(found.taps()).hasSameSizeAs(expected.taps()).isNotEmpty();
                for (int tap = 0; tap < found.taps().size(); tap++) {
                    float[] reference = values(expected.taps().get(tap));
                    assertThat(found.taps().get(tap).shape())
                            .isEqualTo(expected.taps().get(tap).shape());
                    assertThat(values(found.taps().get(tap)))
                            .usingComparatorWithPrecision(1e-4f * scale(reference))
                            .containsExactly(reference);
                }
            }
        }
    }

    private static float scale(float[] values) {
        float largest = 1;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    private static float[] values(FloatTensor tensor) {
        assertThat(tensor).isNotNull();
        float[] values = new float[(int) tensor.elementCount()];
        tensor.bytes().asFloatBuffer().get(values);
        return values;
    }
}
