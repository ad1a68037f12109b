package io.abmesh.coordinator.cluster.operator;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfig;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElector;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jboss.logging.Logger;

/**
 * Holds a Lease while this process is the one that acts. A coordinator is one pod, but a node that
 * is cut off may still run one that the cluster has replaced.
 */
final class Leadership implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Leadership.class);

    /** Renewals per lease, at least; the deadline lies between. */
    private static final int RENEWALS = 5;

    private final KubernetesClient client;
    private final LeaderElectionConfig config;
    private final AtomicBoolean leading = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final ExecutorService thread =
            Executors.newCachedThreadPool(
                    task -> {
                        Thread made = new Thread(task, "coordinator-lease");
                        made.setDaemon(true);
                        return made;
                    });
    private volatile CompletableFuture<?> election = new CompletableFuture<>();

    /**
     * Makes a candidate.
     *
     * @param lease time after which another may take over from a holder that does not renew
     * @param acquired called each time that this process becomes the one, on a thread of its own
     */
    Leadership(
            KubernetesClient client,
            String namespace,
            String name,
            String identity,
            Duration lease,
            Runnable acquired) {
        this.client = client;
        this.config =
                new LeaderElectionConfigBuilder()
                        .withName(name)
                        .withLock(new LeaseLock(namespace, name, identity))
                        .withLeaseDuration(lease)
                        .withRenewDeadline(lease.multipliedBy(2).dividedBy(3))
                        .withRetryPeriod(lease.dividedBy(RENEWALS))
                        .withReleaseOnCancel(true)
                        .withLeaderCallbacks(
                                new LeaderCallbacks(
                                        () -> {
                                            leading.set(true);
                                            LOG.infof("Operator leads identity=%s", identity);
                                            acquired.run();
                                        },
                                        () -> {
                                            leading.set(false);
                                            LOG.warnf("Operator leads no longer");
                                        },
                                        holder -> LOG.infof("Lease holder=%s", holder)))
                        .build();
    }

    /** Begins to stand; whenever the lease is lost, stands again. */
    void start() {
        if (closed.get()) {
            return;
        }
        CompletableFuture<?> started = new LeaderElector(client, config, thread).start();
        election = started;
        var unused = started.whenComplete((nothing, failure) -> start());
    }

    /** Returns whether this process may act. */
    boolean leads() {
        return leading.get();
    }

    /** Gives the lease back. */
    @Override
    public void close() {
        closed.set(true);
        election.cancel(true);
        thread.shutdown();
    }
}
