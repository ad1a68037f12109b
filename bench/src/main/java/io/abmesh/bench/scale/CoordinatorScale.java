package io.abmesh.bench.scale;

import io.abmesh.coordinator.process.CoordinatorConfig;
import io.abmesh.coordinator.process.CoordinatorProcess;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.PeerChannels;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.SubmitRunRequest;
import io.abmesh.proto.v1.SubmitRunResponse;
import io.abmesh.proto.v1.WatchRunRequest;
import io.abmesh.proto.v1.WatchRunResponse;
import io.grpc.ManagedChannel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quarkus.runtime.configuration.DurationConverter;
import io.quarkus.runtime.configuration.MemorySize;
import io.quarkus.runtime.configuration.MemorySizeConverter;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * What a step costs the coordinator with 1 to 64 students, which compute nothing and answer at
 * once: messages, and processor time of its threads, of a run under way. A step has 64
 * micro-batches.
 */
public final class CoordinatorScale {
    private static final int STEPS = 200;

    /** The commit that the measurement begins at; before it students join and data is opened. */
    private static final int FIRST = 20;

    /** The commit that it ends at; behind it the run is closed and reported. */
    private static final int LAST = 190;

    private static final String VERSION = "bench";
    private static final String PLAN =
            """
            name: scale
            data:
              location: builtin:fashion-mnist
              train: {images: 2560}
              test: {images: 64}
            student:
              network: wrn-10-1
            batch: 128
            microBatches: 64
            phases:
              - name: supervised
                epochs: 10
                losses: crossEntropy
            evaluateEveryEpochs: 0
            """;

    private CoordinatorScale() {}

    /** Prints a table; {@code java CoordinatorScale STUDENTS...}. */
    public static void main(String[] arguments) throws Exception {
        System.out.printf(
                Locale.ROOT,
                "%8s  %14s  %24s  %9s%n",
                "students",
                "messages/step",
                "coordinator CPU ms/step",
                "steps/s");
        for (String argument : arguments) {
            measure(Integer.parseInt(argument));
        }
    }

    private static void measure(int count) throws IOException {
        Path store = Files.createTempDirectory("abmesh-bench");
        AtomicLong messages = new AtomicLong();
        try (CoordinatorProcess coordinator =
                        CoordinatorProcess.start(
                                config(store), new SimpleMeterRegistry(), VERSION);
                PeerChannels channels = new PeerChannels("bench-workers")) {
            String address = "127.0.0.1:" + coordinator.grpcPort();
            for (int i = 0; i < count; i++) {
                new StandInWorker("student-" + i, messages).join(channels.to(address), VERSION);
            }
            ManagedChannel client = MeshChannels.open("bench-client", address);
            try {
                Iterator<WatchRunResponse> events = run(client, store);
                awaitCommit(events, FIRST);
                long begun = System.nanoTime();
                long cpu = coordinatorNanos();
                awaitCommit(events, LAST);
                double measured = LAST - FIRST;
                double cpuMillis = (coordinatorNanos() - cpu) / measured / 1e6;
                double perSecond = measured * 1e9 / (System.nanoTime() - begun);
                events.forEachRemaining(CoordinatorScale::requireNotFailed);
                System.out.printf(
                        Locale.ROOT,
                        "%8d  %14.1f  %24.3f  %9.0f%n",
                        count,
                        messages.get() / (double) STEPS,
                        cpuMillis,
                        perSecond);
            } finally {
                MeshChannels.close(client, Duration.ofSeconds(1));
            }
        } finally {
            delete(store);
        }
    }

    /** Starts a run and returns what happens in it, until it ends. */
    private static Iterator<WatchRunResponse> run(ManagedChannel client, Path base) {
        RunServiceGrpc.RunServiceBlockingStub runs =
                RunServiceGrpc.newBlockingStub(client).withDeadlineAfter(120, TimeUnit.SECONDS);
        SubmitRunResponse run =
                runs.submitRun(
                        SubmitRunRequest.newBuilder()
                                .setRequestId("bench")
                                .setPlanYaml(PLAN)
                                .setBaseDirectory(base.toString())
                                .build());
        return runs.watchRun(
                WatchRunRequest.newBuilder()
                        .setRunId(run.getRun().getRunId())
                        .setAfterEvent(-1)
                        .build());
    }

    private static void awaitCommit(Iterator<WatchRunResponse> events, long step) {
        WatchRunResponse event;
        do {
            event = events.next();
            requireNotFailed(event);
        } while (event.getEvent().getStepCommitted().getStep() != step);
    }

    private static void requireNotFailed(WatchRunResponse event) {
        if (event.getRun().getState() == RunState.RUN_STATE_FAILED) {
            throw new IllegalStateException(event.getRun().getFailure().getMessage());
        }
    }

    private static long coordinatorNanos() {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long nanos = 0;
        for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
            if (thread != null && thread.getThreadName().startsWith("coordinator")) {
                nanos += Math.max(0, threads.getThreadCpuTime(thread.getThreadId()));
            }
        }
        return nanos;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** The coordinator's defaults, at a store. */
    private static CoordinatorConfig config(Path store) {
        Map<String, String> keys =
                Map.of(
                        "abmesh.coordinator.store-directory",
                        store.toString(),
                        "abmesh.coordinator.stop-grace",
                        "0s");
        return new SmallRyeConfigBuilder()
                .withMapping(CoordinatorConfig.class)
                .withConverter(Duration.class, 200, new DurationConverter())
                .withConverter(MemorySize.class, 200, new MemorySizeConverter())
                .withSources(new PropertiesConfigSource(keys, "bench", 100))
                .build()
                .getConfigMapping(CoordinatorConfig.class);
    }
}
