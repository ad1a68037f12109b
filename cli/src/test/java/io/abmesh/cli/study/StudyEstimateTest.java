package io.abmesh.cli.study;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.cli.comparison.Curve;
import io.abmesh.cli.comparison.Measured;
import io.abmesh.cli.comparison.Trial;
import io.abmesh.proto.v1.StudyRun;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class StudyEstimateTest {
    /** 6,400 images to learn from, 30,000 to test with. */
    private static final StudyRun RUN =
            StudyRun.newBuilder().setStepCount(100).setBatch(64).setEvaluatedCount(30_000).build();

    @Test
    void beforeARunIsDoneASpeedIsAssumed() {
        // 2 * (6.4 s + 10 s) of work and 2 * 10 s of starting.
        assertThat(StudyEstimate.of(List.of(RUN, RUN), List.of(open(), open()), 1))
                .isEqualTo(
                        "12,800 images to learn from and 60,000 to test with: about 0:00:53 at 1,000 images/s of training (assumed; no run is done)");
    }

    @Test
    void aRunThatIsDoneGivesTheSpeedOfTheOthers() {
        assertThat(StudyEstimate.of(List.of(RUN, RUN), List.of(done(164), open()), 1))
                .isEqualTo(
                        "6,400 images to learn from and 30,000 to test with: about 0:02:54 at 100 images/s of training (the speed of the runs that are done)");
    }

    @Test
    void runsSideBySideStartAndLearnTogether() {
        assertThat(StudyEstimate.of(List.of(RUN, RUN, RUN), List.of(done(164), open(), open()), 2))
                .contains("about 0:02:54 at 200 images/s");
    }

    private static Trial open() {
        return new Trial("kd", 0, 100, 1, "runs/kd", "", Optional.empty(), Optional.empty());
    }

    private static Trial done(double seconds) {
        return open().done(
                        new Measured(
                                0.5,
                                new Curve(List.of()),
                                new Curve(List.of()),
                                "",
                                "",
                                "",
                                seconds));
    }
}
