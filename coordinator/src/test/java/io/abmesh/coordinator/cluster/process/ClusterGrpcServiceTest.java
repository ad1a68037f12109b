package io.abmesh.coordinator.cluster.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.cluster.mesh.CoordinatorRuns;
import io.abmesh.coordinator.cluster.operator.ClusterClient;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.run.BlockingCalls;
import io.abmesh.coordinator.run.Loop;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.coordinator.run.TestingClock;
import io.abmesh.coordinator.run.TestingRuns;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.v1.CancelClusterRunRequest;
import io.abmesh.proto.v1.GetClusterRunRequest;
import io.abmesh.proto.v1.ListClusterRunsRequest;
import io.abmesh.proto.v1.SuspendClusterRunRequest;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ClusterGrpcServiceTest {
    private static final int TIMEOUT_MILLIS = 60_000;

    @TempDir Path directory;
    private final TestingClock clock = new TestingClock();
    private final Loop loop = new Loop();
    private final BlockingCalls checks = new BlockingCalls("plans");
    private final BlockingCalls questions = new BlockingCalls("cluster");
    private RunStore store;
    private Runs runs;
    private ServerSocket silent;
    private KubernetesClient client;

    /** Counts the calls that are answered. */
    private static final class Answers<T> implements StreamObserver<T> {
        private final AtomicInteger count;

        Answers(AtomicInteger count) {
            this.count = count;
        }

        @Override
        public void onNext(T response) {
            count.incrementAndGet();
        }

        @Override
        public void onError(Throwable cause) {
            count.incrementAndGet();
        }

        @Override
        public void onCompleted() {}
    }

    @BeforeEach
    void start() throws Exception {
        store = RunStore.open(directory.resolve("store"), clock, new SplittableRandom(1));
        runs =
                new Runs(
                        TestingRuns.parts(directory, loop, store, Runnable::run, clock),
                        Optional.empty(),
                        new CoordinatorMeters(new SimpleMeterRegistry()));
        silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Config config =
                new ConfigBuilder(Config.empty())
                        .withMasterUrl("http://127.0.0.1:" + silent.getLocalPort())
                        .withRequestTimeout(TIMEOUT_MILLIS)
                        .withRequestRetryBackoffLimit(0)
                        .build();
        client = new KubernetesClientBuilder().withConfig(config).build();
    }

    @AfterEach
    void stop() throws Exception {
        questions.close();
        checks.close();
        client.close();
        silent.close();
        loop.close();
        runs.close();
        store.close();
    }

    @Test
    void anApiServerThatIsSilentTakesNoThreadThatHearsWorkers() {
        ClusterGrpcService service =
                new ClusterGrpcService(
                        new ClusterClient(client, "mesh", clock, "one"),
                        runs,
                        new CoordinatorRuns(runs, directory),
                        checks,
                        questions,
                        directory);
        AtomicInteger answered = new AtomicInteger();

        for (int i = 0; i < 2; i++) {
            service.listClusterRuns(
                    ListClusterRunsRequest.getDefaultInstance(), new Answers<>(answered));
            service.getClusterRun(
                    GetClusterRunRequest.newBuilder().setName("run").build(),
                    new Answers<>(answered));
            service.suspendClusterRun(
                    SuspendClusterRunRequest.newBuilder().setName("run").build(),
                    new Answers<>(answered));
            service.cancelClusterRun(
                    CancelClusterRunRequest.newBuilder().setName("run").build(),
                    new Answers<>(answered));
        }

        assertThat(answered).as("all have returned, and none has its answer yet").hasValue(0);
    }
}
