package io.abmesh.kube;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands for all nodes: gives every pod an address, starts what it stands for and says that it runs
 * and is ready.
 */
public final class TestingKubelet implements AutoCloseable {
    /** What a pod stands for. */
    public interface Containers {
        /**
         * Starts the pod's containers; returns once they are ready.
         *
         * @param address of the pod, on loopback
         */
        void start(Pod pod, String address);

        /** Stops the containers of a pod that is gone. */
        void stop(Pod pod);

        /** Pods that are only written down. */
        Containers NONE =
                new Containers() {
                    @Override
                    public void start(Pod pod, String address) {}

                    @Override
                    public void stop(Pod pod) {}
                };
    }

    private static final int PODS_PER_NET = 250;

    private final KubernetesClient client;
    private final Containers containers;
    private final Clock clock;
    private final SharedIndexInformer<Pod> pods;
    private final Map<String, String> addresses = new ConcurrentHashMap<>();
    private final AtomicInteger count = new AtomicInteger();
    private final ExecutorService thread =
            Executors.newCachedThreadPool(task -> new Thread(task, "kubelet"));

    /**
     * Begins to watch the pods of a namespace.
     *
     * @param client borrowed
     */
    public TestingKubelet(
            KubernetesClient client, String namespace, Containers containers, Clock clock) {
        this.client = client;
        this.containers = containers;
        this.clock = clock;
        this.pods =
                client.pods()
                        .inNamespace(namespace)
                        .runnableInformer(0)
                        .addEventHandler(
                                new ResourceEventHandler<>() {
                                    @Override
                                    public void onAdd(Pod pod) {
                                        seen(pod);
                                    }

                                    @Override
                                    public void onUpdate(Pod before, Pod after) {
                                        seen(after);
                                    }

                                    @Override
                                    public void onDelete(Pod pod, boolean unknownState) {
                                        gone(pod);
                                    }
                                });
        pods.exceptionHandler((started, failure) -> true);
        var unused = pods.start();
    }

    private void seen(Pod pod) {
        if (pod.isMarkedForDeletion()) {
            return;
        }
        String uid = pod.getMetadata().getUid();
        if (addresses.containsKey(uid)) {
            return;
        }
        int number = count.getAndIncrement();
        String address =
                "127.0.%d.%d".formatted(1 + number / PODS_PER_NET, 1 + number % PODS_PER_NET);
        addresses.put(uid, address);
        thread.execute(
                () -> {
                    containers.start(pod, address);
                    ready(pod, address);
                });
    }

    private void ready(Pod pod, String address) {
        Pod status =
                new PodBuilder(pod)
                        .withNewStatus()
                        .withPhase("Running")
                        .withPodIP(address)
                        .withStartTime(clock.instant().truncatedTo(ChronoUnit.SECONDS).toString())
                        .addNewCondition()
                        .withType("Ready")
                        .withStatus("True")
                        .withLastTransitionTime(
                                clock.instant().truncatedTo(ChronoUnit.SECONDS).toString())
                        .endCondition()
                        .endStatus()
                        .build();
        try {
            client.resource(status).patchStatus();
        } catch (KubernetesClientException e) {
            // The pod is gone, or the API server is: then it is told again at the next sight.
            addresses.remove(pod.getMetadata().getUid());
        }
    }

    private void gone(Pod pod) {
        if (addresses.remove(pod.getMetadata().getUid()) != null) {
            thread.execute(() -> containers.stop(pod));
        }
    }

    @Override
    public void close() {
        pods.close();
        thread.shutdownNow();
    }
}
