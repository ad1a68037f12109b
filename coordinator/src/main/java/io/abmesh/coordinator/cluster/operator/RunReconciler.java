package io.abmesh.coordinator.cluster.operator;

import static java.net.HttpURLConnection.HTTP_CONFLICT;

import com.fasterxml.jackson.databind.JsonNode;
import io.abmesh.coordinator.cluster.decision.Admission;
import io.abmesh.coordinator.cluster.decision.MeshState;
import io.abmesh.coordinator.cluster.decision.Reason;
import io.abmesh.coordinator.cluster.decision.Transition;
import io.abmesh.coordinator.cluster.desired.RunObjects;
import io.abmesh.coordinator.cluster.desired.Surroundings;
import io.abmesh.coordinator.cluster.mesh.MeshProgress;
import io.abmesh.coordinator.cluster.mesh.MeshRuns;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.DistillationRunStatus;
import io.abmesh.proto.error.MeshException;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.apps.DeploymentStatus;
import io.fabric8.kubernetes.api.model.apps.StatefulSetStatus;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The control loop: observe, validate, record, act. One pass looks at one run, changes what differs
 * from what is wanted and remembers nothing but its errands: a pass that is cut short anywhere, or
 * done twice, ends in the same place as one that is not. Used by one thread.
 */
final class RunReconciler {
    private static final Logger LOG = Logger.getLogger(RunReconciler.class);

    /** Keeps a deleted run until its workers are gone and its result is written. */
    static final String FINALIZER = "abmesh.io/keep-result";

    private static final String BEGIN = "begin";

    private final ClusterClient cluster;
    private final RunInformers informers;
    private final MeshRuns runs;
    private final MeshCertificates certificates;
    private final Supplier<Surroundings> around;
    private final Errands errands;
    private final RunStatuses statuses;
    private final int places;
    private final Clock clock;

    /**
     * Makes a loop.
     *
     * @param around what all runs share; asked for at each pass, since a part of it is the API
     *     server's to say
     * @param errands what reads a plan's data; borrowed
     * @param places how many runs may have workers at a time
     */
    RunReconciler(
            ClusterClient cluster,
            RunInformers informers,
            MeshRuns runs,
            MeshCertificates certificates,
            Supplier<Surroundings> around,
            Errands errands,
            RunStatuses statuses,
            int places,
            Clock clock) {
        this.cluster = cluster;
        this.informers = informers;
        this.runs = runs;
        this.certificates = certificates;
        this.around = around;
        this.errands = errands;
        this.statuses = statuses;
        this.places = places;
        this.clock = clock;
    }

    /**
     * Looks at one run.
     *
     * @return false if an errand of the run has to come back first; another pass is due then
     * @throws KubernetesClientException if the API server refuses or is away; another pass is due
     * @throws MeshException if the coordinator's store does; likewise
     * @throws IllegalStateException for a run without a spec, of before the definition asked for
     *     one
     */
    boolean reconcile(String name) {
        Optional<DistillationRun> found = cluster.run(name);
        if (found.isEmpty()) {
            return true;
        }
        DistillationRun run = found.get();
        if (run.isMarkedForDeletion()) {
            letGo(run);
            return true;
        }
        if (run.getSpec() == null) {
            throw new IllegalStateException("run without a spec: found=none, expected=spec.plan");
        }
        if (!run.getFinalizers().contains(FINALIZER)) {
            List<String> finalizers = new ArrayList<>(run.getFinalizers());
            finalizers.add(FINALIZER);
            cluster.finalizers(run, finalizers);
        }
        RunObservation seen = observe(run);
        Instant now = clock.instant();
        Optional<List<String>> planProblems =
                seen.planIsNew() ? checkPlan(run) : Optional.of(List.of());
        if (planProblems.isEmpty()) {
            return false;
        }
        RunIntent intent = RunIntent.of(seen, now, planProblems.get());
        RunObservation recorded = record(seen, intent, RunStatuses.events(seen, intent), now);
        try {
            if (!act(seen, intent)) {
                return false;
            }
        } catch (KubernetesClientException e) {
            answer(recorded, intent, Refusal.words(e), now);
            throw e;
        } catch (MeshException e) {
            answer(recorded, intent, Refusal.words(e), now);
            throw e;
        }
        answer(recorded, intent, "", now);
        return true;
    }

    /** Tells how acting went. A pass begins with what the one before was told, until it is over. */
    private void answer(RunObservation seen, RunIntent intent, String refusal, Instant now) {
        if (Refusal.same(seen.refusal(), refusal)) {
            return;
        }
        RunIntent answered = intent.answered(refusal);
        record(seen, answered, Transition.between(seen.reasons(), answered.verdict()), now);
    }

    private RunObservation observe(DistillationRun run) {
        String name = run.getMetadata().getName();
        Optional<StatefulSetStatus> students = informers.students(name).map(set -> set.getStatus());
        Optional<DeploymentStatus> teachers =
                informers.teachers(name).map(deployment -> deployment.getStatus());
        return new RunObservation(
                run,
                runs.progress(run.getMetadata().getUid()),
                turn(run),
                informers.students(name).map(set -> set.getSpec().getReplicas()),
                students.map(s -> orZero(s.getReplicas())).orElse(0),
                students.map(s -> orZero(s.getReadyReplicas())).orElse(0),
                teachers.map(s -> orZero(s.getReplicas())).orElse(0),
                teachers.map(s -> orZero(s.getReadyReplicas())).orElse(0),
                informers.pods(name));
    }

    private static int orZero(@Nullable Integer count) {
        return count == null ? 0 : count;
    }

    private Admission.Turn turn(DistillationRun own) {
        List<Admission.Candidate> candidates = new ArrayList<>();
        candidates.add(candidate(own));
        for (DistillationRun other : informers.runs()) {
            if (!other.getMetadata().getUid().equals(own.getMetadata().getUid())) {
                candidateBeside(other).ifPresent(candidates::add);
            }
        }
        return Admission.turn(
                own.getMetadata().getName(), candidates, informers.runsWithPods(), places);
    }

    /**
     * A run that cannot be judged has no place, and keeps none from another; its own look tells.
     */
    private Optional<Admission.Candidate> candidateBeside(DistillationRun other) {
        if (other.getSpec() == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(candidate(other));
        } catch (RuntimeException e) {
            LOG.debugf(e, "Run is left out of the queue run=%s", other.getMetadata().getName());
            return Optional.empty();
        }
    }

    private Admission.Candidate candidate(DistillationRun run) {
        MeshProgress mesh = runs.progress(run.getMetadata().getUid());
        boolean goes = new SpecHistory(run).inForce().filter(spec -> !spec.suspend()).isPresent();
        return new Admission.Candidate(
                run.getMetadata().getUid(),
                run.getMetadata().getName(),
                Instant.parse(run.getMetadata().getCreationTimestamp()),
                mesh.executing() && !mesh.state().terminal(),
                goes && !mesh.state().terminal() && !run.isMarkedForDeletion());
    }

    private Optional<List<String>> checkPlan(DistillationRun run) {
        JsonNode plan = run.getSpec().plan();
        return errands.answer(
                run.getMetadata(),
                "check of generation " + run.getMetadata().getGeneration(),
                () -> runs.planProblems(plan));
    }

    private RunObservation record(
            RunObservation seen, RunIntent intent, List<Transition> events, Instant now) {
        DistillationRunStatus status = statuses.status(seen, intent, now);
        if (seen.status().filter(status::equals).isPresent()) {
            return seen;
        }
        // Events first: they follow from the status before, which is gone once this one is there.
        for (Transition transition : events) {
            tell(seen.run(), transition);
        }
        return seen.with(cluster.status(seen.run(), status));
    }

    /** An event is for people; a run does not wait for it. */
    private void tell(DistillationRun run, Transition transition) {
        LOG.infof(
                "%s run=%s message=%s",
                transition.reason().word(), run.getMetadata().getName(), transition.message());
        try {
            cluster.event(run, transition);
        } catch (KubernetesClientException e) {
            if (e.getCode() == HTTP_CONFLICT) {
                return; // told by a pass that was cut short
            }
            LOG.warnf("Event is lost cause=%s", e.getMessage());
        }
    }

    /** Returns false if an errand has to come back before all is done. */
    private boolean act(RunObservation seen, RunIntent intent) {
        boolean there = seen.studentsWanted().isPresent();
        if (seen.mesh().state().terminal()) {
            if (there) {
                cluster.deleteObjects(seen.name(), around.get().level());
            }
            return true;
        }
        if (intent.spec().isEmpty()) {
            return true;
        }
        DistillationRunSpec spec = intent.spec().get();
        if (intent.works()) {
            if (!seen.begun()) {
                if (!begin(seen, spec.plan())) {
                    return false;
                }
            } else if (!seen.mesh().executing()) {
                runs.unpark(seen.uid());
            }
        }
        if (intent.works() || there) {
            RunObjects objects =
                    new RunObjects(
                            seen.name(),
                            owner(seen.run()),
                            spec,
                            intent.students(),
                            intent.teachers().teachers(),
                            around.get());
            certificates.keepWorkers(objects, seen.uid());
            for (HasMetadata object : objects.all()) {
                cluster.applyOwn(object);
            }
        }
        // Workers first, so that a student leaves with a checkpoint of its last step.
        if (!intent.works() && seen.mesh().executing() && seen.pods() == 0) {
            runs.park(seen.uid());
        }
        return true;
    }

    /** Returns whether the run has begun. */
    private boolean begin(RunObservation seen, JsonNode plan) {
        return errands.answer(
                        seen.run().getMetadata(),
                        BEGIN,
                        () -> {
                            runs.begin(seen.uid(), plan);
                            return List.of();
                        })
                .isPresent();
    }

    private static OwnerReference owner(DistillationRun run) {
        return new OwnerReferenceBuilder()
                .withApiVersion(run.getApiVersion())
                .withKind(run.getKind())
                .withName(run.getMetadata().getName())
                .withUid(run.getMetadata().getUid())
                .withController(true)
                .build();
    }

    /** Ends a run whose resource is deleted; its result stays in the store. */
    private void letGo(DistillationRun run) {
        if (!run.getFinalizers().contains(FINALIZER)) {
            return;
        }
        if (errands.underWay(run.getMetadata().getUid(), BEGIN)) {
            return; // its end comes back here
        }
        String name = run.getMetadata().getName();
        MeshState state = runs.progress(run.getMetadata().getUid()).state();
        boolean over = state == MeshState.ABSENT || state.terminal();
        if (!over) {
            runs.cancel(run.getMetadata().getUid());
        }
        cluster.deleteObjects(name, around.get().level());
        boolean left =
                informers.students(name).isPresent()
                        || informers.teachers(name).isPresent()
                        || informers.pods(name) > 0;
        if (!over || left) {
            return; // their leaving, or the next look, comes back here
        }
        if (state != MeshState.ABSENT) {
            MeshProgress mesh = runs.progress(run.getMetadata().getUid());
            tell(
                    run,
                    new Transition(
                            Reason.RESULT_KEPT,
                            "the result stays in run %s of the coordinator's store"
                                    .formatted(mesh.runId())));
        }
        List<String> finalizers = new ArrayList<>(run.getFinalizers());
        finalizers.remove(FINALIZER);
        cluster.finalizers(run, finalizers);
        errands.forget(run.getMetadata().getUid());
    }
}
