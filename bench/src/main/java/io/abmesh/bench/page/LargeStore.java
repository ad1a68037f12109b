package io.abmesh.bench.page;

import com.google.protobuf.util.Timestamps;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.store.Journal;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.RunEnded;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.StepCommitted;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A store of runs that have ended, written by what a coordinator writes its own with: {@link
 * #SHORT_RUNS} of a few steps, every tenth of which failed, and on top of them one of {@link
 * #LONG_STEPS}.
 */
final class LargeStore {
    /** Runs of {@value #SHORT_STEPS} steps: {@value}. */
    static final int SHORT_RUNS = 1000;

    /** Steps of the long run: {@value}. */
    static final int LONG_STEPS = 100_000;

    /** The one step of the long run whose loss is {@value #SPIKE}: {@value}. */
    static final int SPIKE_STEP = 54_321;

    /** Loss that no other step comes near: {@value}. */
    static final double SPIKE = 1000;

    private static final int SHORT_STEPS = 20;
    private static final int EVALUATE_EVERY = 1000;
    private static final int FAILS_EVERY = 10;
    private static final List<String> TAPS = List.of("block1", "block2", "block3");
    private static final Instant FIRST = Instant.parse("2026-01-01T00:00:00Z");
    private static final String PLAN =
            """
            name: long
            data: {location: builtin:fashion-mnist}
            teacher: {model: builtin:fashion-mnist-wrn, taps: [auto]}
            student: {network: wrn-10-1}
            phases:
              - {name: boundary, epochs: 1, losses: boundary}
            """;

    private final RunStore store;
    private final Path base;

    private LargeStore(RunStore store, Path base) {
        this.store = store;
        this.base = base;
    }

    /** Writes a store into a folder that is not there yet; returns the id of the long run. */
    static String write(Path directory) throws IOException {
        // Every run is a minute younger than the one before.
        Clock clock = new Minutes();
        try (RunStore store = RunStore.open(directory, clock, new SplittableRandom(1))) {
            LargeStore large = new LargeStore(store, directory);
            for (int i = 0; i < SHORT_RUNS; i++) {
                boolean failed = i % FAILS_EVERY == 0;
                large.run(
                        "name=sweep-" + i,
                        SHORT_STEPS,
                        failed ? RunState.RUN_STATE_FAILED : RunState.RUN_STATE_SUCCEEDED);
            }
            return large.run("name=long", LONG_STEPS, RunState.RUN_STATE_SUCCEEDED);
        }
    }

    private String run(String name, int steps, RunState end) throws IOException {
        RunFolder run =
                store.create(name, PLAN, List.of(name), PlanReader.read(PLAN, List.of(name)), base);
        try (Journal journal = Journal.open(run.file("events.journal"))) {
            Events events = new Events(journal, run.submitTime());
            events.add(
                    RunEvent.newBuilder()
                            .setPhaseStarted(
                                    PhaseStarted.newBuilder()
                                            .setTrack("distilled")
                                            .setPhase("boundary")
                                            .setEndStep(steps)
                                            .addAllTaps(TAPS)));
            for (int step = 0; step < steps; step++) {
                double loss = step == SPIKE_STEP ? SPIKE : 10.0 / (1 + step);
                StepCommitted.Builder committed =
                        StepCommitted.newBuilder()
                                .setStep(step)
                                .setLoss(loss)
                                .setLearningRate(0.1)
                                .setImagesPerSecond(200 + step % 7);
                TAPS.forEach(tap -> committed.addAgreement(1 - 0.5 / (1 + committed.getStep())));
                events.add(RunEvent.newBuilder().setStepCommitted(committed));
                if ((step + 1) % EVALUATE_EVERY == 0) {
                    events.add(
                            RunEvent.newBuilder()
                                    .setEvaluated(
                                            Evaluated.newBuilder()
                                                    .setTrack("distilled")
                                                    .setStep(step)
                                                    .setEpoch((step + 1.0) / EVALUATE_EVERY)
                                                    .setAccuracy(0.8)));
                }
            }
            events.add(RunEvent.newBuilder().setRunEnded(RunEnded.newBuilder().setState(end)));
        }
        return run.runId();
    }

    /** Adds events to a journal, a tenth of a second apart. */
    private static final class Events {
        private static final int APART_MILLIS = 100;

        private final Journal journal;
        private Instant time;

        Events(Journal journal, Instant first) {
            this.journal = journal;
            this.time = first;
        }

        void add(RunEvent.Builder event) throws IOException {
            time = time.plusMillis(APART_MILLIS);
            var unused =
                    journal.append(
                            event.setTime(Timestamps.fromMillis(time.toEpochMilli())), false);
        }
    }

    /** Is a minute later whenever it is asked. */
    private static final class Minutes extends Clock {
        private Instant next = FIRST;

        @Override
        public Instant instant() {
            Instant now = next;
            next = now.plus(Duration.ofMinutes(1));
            return now;
        }

        @Override
        public ZoneOffset getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }
}
