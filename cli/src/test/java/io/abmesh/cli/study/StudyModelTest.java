package io.abmesh.cli.study;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.v1.StudyRun;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class StudyModelTest {

    @ParameterizedTest
    @CsvSource({
        "builtin:fashion-mnist, builtin:fashion-mnist",
        "s3://models/wrn.onnx, s3://models/wrn.onnx",
        "../wrn.onnx, /wrn.onnx",
        "/models/wrn.onnx, /models/wrn.onnx"
    })
    void isWhereTheStudySaysItIs(String written, String expected) {
        StudyRun run =
                run("{\"batch\": 64, \"teacher\": {\"model\": \"%s\"}}\n".formatted(written));

        assertThat(StudyModel.of(run, Path.of("/studies"))).contains(expected);
    }

    @Test
    void isUnknownWhereThePlanIsNotJson() {
        assertThat(StudyModel.of(run("teacher:\n  model: x.onnx\n"), Path.of("/studies")))
                .isEmpty();
    }

    @Test
    void isNoneWhereNoTeacherIsNeeded() {
        assertThat(StudyModel.of(StudyRun.getDefaultInstance(), Path.of("/studies"))).isEmpty();
    }

    private static StudyRun run(String plan) {
        return StudyRun.newBuilder().setTeacher(true).setPlanYaml(plan).build();
    }
}
