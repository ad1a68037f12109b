package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.meter.CoordinatorMeter;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.v1.RunState;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What blocks is done when the test says so; no worker is there. */
final class RunTurnsTest {
    private static final List<String> IMAGES =
            List.of(
                    "train-images-idx3-ubyte.gz",
                    "train-labels-idx1-ubyte.gz",
                    "t10k-images-idx3-ubyte.gz",
                    "t10k-labels-idx1-ubyte.gz");

    @TempDir Path directory;

    private final TestingClock clock = new TestingClock();
    private final Loop loop = new Loop();
    private final Deque<Runnable> beside = new ArrayDeque<>();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final TestingLog log = new TestingLog(RunNotices.class);
    private final TestingLog turns = new TestingLog(RunTurns.class);
    private RunStore store;
    private Runs runs;

    @BeforeEach
    void start() throws IOException {
        store = RunStore.open(directory.resolve("store"), clock, new SplittableRandom(1));
        runs =
                new Runs(
                        TestingRuns.parts(directory, loop, store, beside::add, clock),
                        Optional.empty(),
                        new CoordinatorMeters(registry));
        runs.start("127.0.0.1:1");
    }

    @AfterEach
    void stop() {
        loop.close();
        runs.close();
        store.close();
        log.close();
        turns.close();
    }

    @Test
    void aRunThatIsSubmittedAgainAfterItFailedSaysSo() throws IOException {
        RunRecord record = failed();

        submit();

        assertThat(record.snapshot().getState()).isEqualTo(RunState.RUN_STATE_PENDING);
        assertThat(log.lines())
                .containsExactly(
                        "INFO run="
                                + record.folder().runId()
                                + " Notice reason=RESUMED: submitted again");
        assertThat(noticed(record, RunRecord.RESUMED)).isEqualTo(1);
    }

    @Test
    void everyFailureOfARunCounts() throws IOException {
        failed();
        assertThat(ended("failed")).isEqualTo(1);

        failed();
        assertThat(ended("failed")).isEqualTo(2);
        assertThat(ended("cancelled")).isZero();
        assertThat(ended("succeeded")).isZero();
    }

    @Test
    void aCancelledRunIsNoFailedOne() throws IOException {
        RunRecord record = submit();

        runs.cancel(record);
        runs.cancel(record);
        loop.executeAndWait(() -> {});

        assertThat(ended("cancelled")).isEqualTo(1);
        assertThat(ended("failed")).isZero();
    }

    @Test
    void aRunWhoseLogCannotBeClosedLeavesItsTurnToTheNext() throws IOException {
        RunRecord first = submit();
        // A device takes what is written, and cannot be told to keep it.
        Files.createSymbolicLink(first.folder().file("ledger"), Path.of("/dev/zero"));
        doBeside();
        RunRecord second = submit("next", directory);
        assertThat(beside).isEmpty();

        runs.park(first);
        loop.executeAndWait(() -> {});

        assertThat(turns.lines())
                .contains(
                        "INFO run="
                                + second.folder().runId()
                                + " Run has its turn run="
                                + second.folder().runId()
                                + " plan=small")
                .anySatisfy(
                        line ->
                                assertThat(line)
                                        .startsWith(
                                                "ERROR run= Run's log cannot be closed run="
                                                        + first.folder().runId()));
        assertThat(beside).as("images of the next are opened").hasSize(1);
    }

    @Test
    void aFailedRunThatWasMovedGoesOnWithItsImagesWhereTheyAreNow() throws IOException {
        RunRecord record = failed();
        moveAndSubmit();

        assertThat(record.snapshot().getState()).isEqualTo(RunState.RUN_STATE_PENDING);
        assertThat(record.folder().file("ledger")).as("execution has begun").exists();
    }

    @Test
    void aRunThatIsOpenedAtItsOldPlaceBeginsAnewWhereItIsNow() throws IOException {
        RunRecord record = submit();
        removeImages();
        moveAndSubmit();

        assertThat(record.snapshot().getState()).isEqualTo(RunState.RUN_STATE_PENDING);
        assertThat(record.folder().file("ledger")).as("execution has begun").exists();
    }

    private void moveAndSubmit() throws IOException {
        Path moved = Files.createDirectory(directory.resolve("moved"));
        putImages(moved);
        submit("request", moved);
        doBeside();
    }

    private double ended(String state) {
        return registry.get(CoordinatorMeter.RUNS_ENDED.meterName())
                .tag("state", state)
                .counter()
                .count();
    }

    private double noticed(RunRecord record, String reason) {
        Counter counter =
                registry.get(CoordinatorMeter.NOTICES.meterName())
                        .tag("run", record.folder().runId())
                        .tag("reason", reason)
                        .counter();
        return counter.count();
    }

    /** Returns a run whose images were gone when it had its turn, and are there again. */
    private RunRecord failed() throws IOException {
        RunRecord record = submit();
        removeImages();
        doBeside();
        assertThat(record.snapshot().getState()).isEqualTo(RunState.RUN_STATE_FAILED);
        assertThat(ErrorStatuses.fromStatus(record.snapshot().getFailure()).reason())
                .isEqualTo(ErrorReason.DATASET_UNREADABLE);
        return record;
    }

    private void removeImages() throws IOException {
        for (String name : IMAGES) {
            Files.delete(directory.resolve(name));
        }
    }

    private RunRecord submit() throws IOException {
        putImages(directory);
        return submit("request", directory);
    }

    private static void putImages(Path folder) throws IOException {
        for (String name : IMAGES) {
            try (InputStream content =
                    RunTurnsTest.class.getResourceAsStream(
                            "/io/abmesh/data/fashion-mnist/" + name)) {
                Files.copy(content, folder.resolve(name));
            }
        }
    }

    private RunRecord submit(String request, Path base) {
        RunRecord record =
                runs.submit(request, TestingPlans.supervised(), List.of("data.location=."), base);
        loop.executeAndWait(() -> {});
        return record;
    }

    /** Does what was asked for beside the loop by now, and what the loop makes of it. */
    private void doBeside() {
        for (int left = beside.size(); left > 0; left--) {
            beside.remove().run();
        }
        loop.executeAndWait(() -> {});
    }
}
