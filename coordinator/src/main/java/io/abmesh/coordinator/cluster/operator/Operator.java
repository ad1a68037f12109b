package io.abmesh.coordinator.cluster.operator;

import io.abmesh.coordinator.cluster.desired.ApiLevel;
import io.abmesh.coordinator.cluster.desired.Surroundings;
import io.abmesh.coordinator.cluster.mesh.MeshRuns;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.cluster.resource.ResultLocation;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Clock;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * The operator of one namespace: watches runs and what they have made, and has the control loop
 * look at each run whenever something of it but its status changed, and every {@link
 * Settings#period} while it has not ended, has workers, or its result is on its way into an object
 * store.
 */
public final class Operator implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Operator.class);

    /** Name of the Lease: {@value}. */
    public static final String LEASE = "abmesh-coordinator";

    /**
     * What the operator is told.
     *
     * @param namespace where runs are
     * @param identity name of this process among those that might act
     * @param storeClaim claim of the coordinator's volume, for the status
     * @param maxParallelRuns how many runs the coordinator executes at a time
     * @param period between two looks at a run that goes on
     * @param lease time after which another process may take over
     */
    public record Settings(
            String namespace,
            String identity,
            String storeClaim,
            int maxParallelRuns,
            Duration period,
            Duration lease) {}

    private final RunInformers informers;
    private final RunReconciler reconciler;
    private final RunQueue queue;
    private final Errands errands;
    private final Leadership leadership;
    private final Settings settings;
    private final MeshRuns runs;
    private final MeshCertificates certificates;

    /**
     * Makes an operator that does nothing yet.
     *
     * @param client borrowed
     * @param cluster the same, for single requests; borrowed
     * @param runs borrowed
     * @param certificates of the mesh; borrowed
     * @param around what all runs share, on a server that knows this much
     */
    public Operator(
            KubernetesClient client,
            ClusterClient cluster,
            MeshRuns runs,
            MeshCertificates certificates,
            Function<ApiLevel, Surroundings> around,
            Settings settings,
            Clock clock) {
        this.settings = settings;
        this.runs = runs;
        this.certificates = certificates;
        this.queue = new RunQueue(this::look);
        this.errands = new Errands(queue::add);
        this.informers = new RunInformers(client, settings.namespace(), this::changed);
        AtomicReference<Surroundings> known = new AtomicReference<>();
        this.reconciler =
                new RunReconciler(
                        cluster,
                        informers,
                        runs,
                        certificates,
                        () ->
                                known.updateAndGet(
                                        before ->
                                                before == null
                                                        ? around.apply(cluster.level())
                                                        : before),
                        errands,
                        new RunStatuses(settings.storeClaim()),
                        settings.maxParallelRuns(),
                        clock);
        this.leadership =
                new Leadership(
                        client,
                        settings.namespace(),
                        LEASE,
                        settings.identity(),
                        settings.lease(),
                        this::all);
    }

    /** Begins to watch and to act; returns at once, whether the API server is there or not. */
    public void start() {
        informers.start();
        queue.every(settings.period(), this::certificates);
        queue.every(settings.period(), this::unfinished);
        leadership.start();
        LOG.infof("Operator starts namespace=%s", settings.namespace());
    }

    private boolean look(String name) {
        return !leadership.leads() || !informers.synced() || reconciler.reconcile(name);
    }

    /** What changes of one run may be what another waits for. */
    private void changed(String name) {
        queue.add(name);
        all();
    }

    private void all() {
        informers.runs().forEach(run -> queue.add(run.getMetadata().getName()));
    }

    /** A coordinator that does not lead is called too, and needs its own. */
    private void certificates() {
        certificates.keepOwn();
        if (leadership.leads()) {
            certificates.keepClient();
        }
    }

    private void unfinished() {
        parkOrphans();
        informers.runs().stream()
                .filter(
                        run ->
                                run.isMarkedForDeletion()
                                        || !ended(run)
                                        || delivering(run)
                                        || informers
                                                .students(run.getMetadata().getName())
                                                .isPresent())
                .forEach(run -> queue.add(run.getMetadata().getName()));
    }

    /**
     * A run whose resource was torn away past its finaliser, or that never had one, has no workers
     * and must not keep a turn from those that do.
     */
    private void parkOrphans() {
        if (!leadership.leads() || !informers.synced()) {
            return;
        }
        Set<String> known =
                informers.runs().stream()
                        .map(run -> run.getMetadata().getUid())
                        .collect(Collectors.toSet());
        for (String uid : runs.executing()) {
            if (!known.contains(uid)) {
                LOG.warnf("Run has no resource and is parked request=%s", uid);
                runs.park(uid);
            }
        }
    }

    private static boolean ended(DistillationRun run) {
        return run.getStatus() != null && run.getStatus().phase().terminal();
    }

    private boolean delivering(DistillationRun run) {
        ResultLocation told = run.getStatus().result();
        return told != null && told.objects() == null && runs.delivers(run.getMetadata().getUid());
    }

    /** Stops to act, then gives the lease back; runs go on. */
    @Override
    public void close() {
        queue.close();
        errands.close();
        leadership.close();
        informers.close();
    }
}
