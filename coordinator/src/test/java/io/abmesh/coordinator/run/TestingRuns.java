package io.abmesh.coordinator.run;

import io.abmesh.coordinator.batch.BatchMemory;
import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.objects.ObjectCache;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.MeshSecurity;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Executor;

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
                new Datasets(
                        new ObjectCache(
                                directory.resolve("objects"),
                                ObjectStore.ofEnvironment(),
                                ObjectCache.MAX_BYTES,
                                clock)),
                beside,
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
