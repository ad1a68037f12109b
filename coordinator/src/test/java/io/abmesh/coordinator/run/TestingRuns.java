package io.abmesh.coordinator.run;

import io.abmesh.coordinator.batch.BatchMemory;
import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.meter.Recovery;
import io.abmesh.coordinator.meter.RunMeters;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanAgainstWorld;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.objects.ObjectCache;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Plan;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;

/** What runs need around them, in a folder of the test's. */
public final class TestingRuns {
    /** How long a coordinator of {@link #parts} waits for anybody. */
    static final Duration DEADLINE = Duration.ofMinutes(1);

    private TestingRuns() {}

    /**
     * Returns the parts of a coordinator that does one run at a time.
     *
     * @param beside takes what blocks
     */
    public static SharedParts parts(
            Path directory, Loop loop, RunStore store, Executor beside, Clock clock)
            throws IOException {
        return new SharedParts(
                loop,
                store,
                new LazyBatches(new BatchMemory(1 << 20)),
                datasets(directory, clock),
                beside,
                clock,
                clock,
                MeshSecurity.plainText(),
                new Runs.Settings(
                        1,
                        8,
                        DEADLINE,
                        DEADLINE,
                        DEADLINE,
                        DEADLINE,
                        new StepSampling(StepTracing.off(), 1)));
    }

    private static Datasets datasets(Path directory, Clock clock) {
        return new Datasets(
                new ObjectCache(
                        directory.resolve("objects"),
                        ObjectStore.ofEnvironment(),
                        ObjectCache.MAX_BYTES,
                        clock));
    }

    /**
     * Returns a run that can be executed; whoever asks closes its log, its record and its world.
     *
     * @param teacher what it says of itself
     */
    static OpenedRun opened(
            Path directory, CompletePlan plan, DescribeTeacherResponse teacher, Clock clock) {
        RunRecord record = RunRecord.open(folder(directory, plan, List.of()), clock);
        RunWorld world = RunWorld.open(plan, directory, datasets(directory, clock), 8);
        Plan resolved = plan.resolved(directory);
        int images = world.facts().trainCount();
        return new OpenedRun(
                record,
                resolved,
                world,
                new RunWorld.Teacher(teacher, PlanAgainstWorld.match(plan, world.facts(), teacher)),
                new RunScript(resolved, TrackPlanner.tracks(resolved, images), images),
                RunLog.open(record, resolved, clock, 8, meters()));
    }

    /** Returns what such a run needs around it. */
    static RunExecution.Surroundings surroundings(Loop loop, Clock clock) {
        AtomicLong epochs = new AtomicLong();
        return new RunExecution.Surroundings(
                loop,
                new LazyBatches(new BatchMemory(1 << 20)),
                epochs::incrementAndGet,
                "127.0.0.1:1",
                MeshSecurity.plainText(),
                DEADLINE,
                DEADLINE,
                DEADLINE,
                clock,
                new Recovery(meters(), clock),
                new StepSampling(StepTracing.off(), 1));
    }

    private static RunMeters meters() {
        return new CoordinatorMeters(new SimpleMeterRegistry()).begin("run");
    }

    /** Returns a folder for the records of a run of a plan. */
    static RunFolder folder(Path directory, String plan, String... overrides) {
        List<String> all = List.of(overrides);
        return folder(directory, PlanReader.read(plan, all), all);
    }

    /** Returns the same of a plan that is read. */
    static RunFolder folder(Path directory, CompletePlan plan, List<String> overrides) {
        return new RunFolder(
                directory, "run", "request", plan, overrides, directory, Instant.EPOCH);
    }
}
