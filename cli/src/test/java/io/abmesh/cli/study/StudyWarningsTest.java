package io.abmesh.cli.study;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.v1.StudyRun;
import java.util.List;
import org.junit.jupiter.api.Test;

final class StudyWarningsTest {

    @Test
    void saysEachWarningOnceWithTheMethodsItIsAbout() {
        List<StudyRun> runs =
                List.of(
                        run("distill", 1, "no effect: taps"),
                        run("labels", 1),
                        run("both", 1, "few images", "no effect: taps"),
                        run("distill", 2, "no effect: taps"));

        assertThat(StudyWarnings.lines(runs))
                .containsExactly(
                        "warning: distill, both: no effect: taps", "warning: both: few images");
    }

    private static StudyRun run(String method, long seed, String... warnings) {
        return StudyRun.newBuilder()
                .setMethod(method)
                .setSeed(seed)
                .addAllWarnings(List.of(warnings))
                .build();
    }
}
