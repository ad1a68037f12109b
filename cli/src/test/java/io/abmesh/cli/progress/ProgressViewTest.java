package io.abmesh.cli.progress;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.Durations;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.RunWorkers;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.WatchRunResponse;
import java.nio.charset.Charset;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ProgressViewTest {

    private static final int BATCH = 64;
    private static final RunEvent STARTED =
            RunEvent.newBuilder()
                    .setPhaseStarted(
                            PhaseStarted.newBuilder()
                                    .setTrack("distilled")
                                    .setPhase("boundary")
                                    .setStartStep(100)
                                    .setEndStep(200)
                                    .addTaps("block1")
                                    .addTaps("block2"))
                    .build();

    private final TestingClock clock = new TestingClock();

    @Test
    void showsStepLossAgreementSpeedAndRemainingTimeOnATerminal() {
        TestingConsole console = new TestingConsole(true);
        ProgressView view = new ProgressView(console, clock, BATCH);

        view.show(update(STARTED));
        view.show(update(step(149)));

        // 300 steps in all, 150 left, 64 images each, at 320 images a second
        assertThat(console.live).hasSize(2);
        assertThat(console.live.get(0)).isEqualTo("distilled / boundary: step 0 of 100");
        assertThat(console.live.get(1).lines().findFirst())
                .hasValue(
                        "distilled / boundary  [##########----------] 50/100  loss 12.3456  agreement 75.0 %  320 images/s"
                                + "  0:30 left");
        assertThat(console.lines).isEmpty();
    }

    @Test
    void drawsCurvesOfEveryStepBelowTheLine() {
        TestingConsole console = new TestingConsole(true);
        ProgressView view = new ProgressView(console, clock, BATCH);
        String ramp = Sparkline.ramp(Charset.defaultCharset());
        view.show(update(STARTED));

        for (int step = 100; step < 200; step++) {
            clock.advance(Duration.ofMillis(1));
            view.show(
                    update(
                            RunEvent.newBuilder()
                                    .setStepCommitted(
                                            StepCommitted.newBuilder()
                                                    .setStep(step)
                                                    .setLoss(step < 150 ? 8 : 1)
                                                    .setLearningRate(0.05)
                                                    .addAgreement(step < 150 ? 0.5 : 0.75)
                                                    .addAgreement(0.9))
                                    .build()));
        }
        view.show(
                update(
                        RunEvent.newBuilder()
                                .setEvaluated(
                                        Evaluated.newBuilder()
                                                .setTrack("distilled")
                                                .setEpoch(2)
                                                .setAccuracy(0.625))
                                .build()));

        String high = ramp.substring(7).repeat(16);
        String low = ramp.substring(0, 1).repeat(16);
        assertThat(console.live.get(console.live.size() - 1).lines().skip(1))
                .containsExactly(
                        "  loss       " + high + low + "  learning rate 0.0500",
                        "  agreement  " + low + high + "  block1 75.0 %, block2 90.0 %",
                        "  accuracy   "
                                + ramp.charAt(4)
                                + " ".repeat(31)
                                + "  distilled 62.5 % after 2.0 epochs");
    }

    @Test
    void showsHowFastEachWorkerIsBelowTheCurves() {
        TestingConsole console = new TestingConsole(true);
        ProgressView view = new ProgressView(console, clock, BATCH);
        view.show(update(STARTED));

        view.show(
                update(step(149)).toBuilder()
                        .setWorkers(
                                RunWorkers.newBuilder()
                                        .addStudents(worker("student-0", 160))
                                        .addStudents(worker("student-1", 159.6))
                                        .addTeachers(worker("teacher-0", 0)))
                        .build());

        assertThat(console.live.get(1).lines().skip(3))
                .containsExactly(
                        "  students   student-0 160, student-1 160 images/s",
                        "  teachers   teacher-0 0 images/s");
    }

    @Test
    void keepsWhatItKnowsOfWorkersWhileOlderEventsCome() {
        TestingConsole console = new TestingConsole(true);
        ProgressView view = new ProgressView(console, clock, BATCH);
        view.show(
                update(STARTED).toBuilder()
                        .setWorkers(RunWorkers.newBuilder().addStudents(worker("student-0", 160)))
                        .build());

        view.show(update(step(149)));

        assertThat(console.live.get(1)).endsWith("\n  students   student-0 160 images/s");
    }

    private static RunWorkers.Worker worker(String name, double imagesPerSecond) {
        return RunWorkers.Worker.newBuilder()
                .setWorkerId(name)
                .setImagesPerSecond(imagesPerSecond)
                .build();
    }

    @Test
    void redrawsATerminalAtMostTenTimesASecond() {
        TestingConsole console = new TestingConsole(true);
        ProgressView view = new ProgressView(console, clock, BATCH);
        view.show(update(STARTED));

        view.show(update(step(100)));
        view.show(update(step(101)));
        clock.advance(Duration.ofMillis(100));
        view.show(update(step(102)));

        assertThat(console.live).hasSize(3);
        assertThat(console.live.get(1)).contains("1/100");
        assertThat(console.live.get(2)).contains("3/100");
    }

    @Test
    void printsALineAtIntervalsWhereThereIsNoTerminal() {
        TestingConsole console = new TestingConsole(false);
        ProgressView view = new ProgressView(console, clock, BATCH);
        view.show(update(STARTED));

        view.show(update(step(100)));
        assertThat(console.lines).isEmpty();
        clock.advance(Duration.ofSeconds(ProgressView.PLAIN_INTERVAL_SECONDS));
        view.show(update(step(101)));
        view.show(update(step(102)));

        assertThat(console.lines).hasSize(1);
        assertThat(console.lines.get(0)).contains("2/100");
    }

    @Test
    void printsOneLineForAPhase() {
        TestingConsole console = new TestingConsole(false);
        ProgressView view = new ProgressView(console, clock, BATCH);
        view.show(update(STARTED));

        view.show(
                update(
                        RunEvent.newBuilder()
                                .setPhaseEnded(
                                        PhaseEnded.newBuilder()
                                                .setTrack("distilled")
                                                .setPhase("boundary")
                                                .setStepCount(100)
                                                .setDuration(Durations.fromSeconds(65))
                                                .setImagesPerSecond(98.4)
                                                .setLoss(123.45)
                                                .addAgreement(0.8)
                                                .addAgreement(0.9)
                                                .setAccuracy(0.123))
                                .build()));

        assertThat(console.lines)
                .containsExactly(
                        "distilled / boundary              100 steps  loss 123.5  agreement 85.0 %  accuracy 12.3 %  98 images/s"
                                + "  1:05");
    }

    @Test
    void leavesOutAnAccuracyThatWasNotMeasured() {
        TestingConsole console = new TestingConsole(false);
        ProgressView view = new ProgressView(console, clock, BATCH);

        view.show(
                update(
                        RunEvent.newBuilder()
                                .setPhaseEnded(
                                        PhaseEnded.newBuilder()
                                                .setTrack("distilled")
                                                .setPhase("boundary"))
                                .build()));

        assertThat(console.lines).singleElement().asString().doesNotContain("accuracy");
    }

    @Test
    void countsAStepInItsOwnPhaseWhenTheNextHasStarted() {
        TestingConsole console = new TestingConsole(true);
        ProgressView view = new ProgressView(console, clock, BATCH);
        view.show(update(STARTED));
        view.show(
                update(
                        RunEvent.newBuilder()
                                .setPhaseStarted(
                                        PhaseStarted.newBuilder()
                                                .setTrack("distilled")
                                                .setPhase("classification")
                                                .setStartStep(200)
                                                .setEndStep(202))
                                .build()));

        view.show(update(step(197)));

        assertThat(console.live).last().asString().contains("boundary").contains("98/100");
    }

    @Test
    void showsNoAgreementInAPhaseWithoutBoundaries() {
        TestingConsole console = new TestingConsole(true);
        ProgressView view = new ProgressView(console, clock, BATCH);
        view.show(update(STARTED));

        view.show(
                update(
                        RunEvent.newBuilder()
                                .setStepCommitted(
                                        StepCommitted.newBuilder().setStep(100).setLoss(0.5))
                                .build()));

        assertThat(console.live.get(1))
                .startsWith("distilled / boundary  [--------------------] 1/100  loss 0.5000\n")
                .doesNotContain("agreement");
    }

    @Test
    void saysThatItWaitsAndWhatIsNotedAlongTheWay() {
        TestingConsole console = new TestingConsole(true);
        ProgressView view = new ProgressView(console, clock, BATCH);

        view.show(
                WatchRunResponse.newBuilder()
                        .setRun(Run.newBuilder().setState(RunState.RUN_STATE_PENDING))
                        .build());
        view.show(
                update(
                        RunEvent.newBuilder()
                                .setNotice(Notice.newBuilder().setMessage("teacher-0 was lost"))
                                .build()));

        assertThat(console.live).containsExactly("waiting for workers");
        assertThat(console.lines).containsExactly("  teacher-0 was lost");
    }

    private static RunEvent step(long step) {
        return RunEvent.newBuilder()
                .setStepCommitted(
                        StepCommitted.newBuilder()
                                .setStep(step)
                                .setLoss(12.3456)
                                .addAllAgreement(List.of(0.7, 0.8))
                                .setImagesPerSecond(320))
                .build();
    }

    private static WatchRunResponse update(RunEvent event) {
        return WatchRunResponse.newBuilder()
                .setRun(Run.newBuilder().setState(RunState.RUN_STATE_RUNNING).setTotalSteps(300))
                .setEvent(event)
                .build();
    }
}
