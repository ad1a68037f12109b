package io.abmesh.coordinator.cluster.operator;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.abmesh.coordinator.cluster.decision.Transition;
import io.abmesh.coordinator.cluster.desired.ApiLevel;
import io.abmesh.coordinator.cluster.desired.RunLabels;
import io.abmesh.coordinator.cluster.desired.RunObjects;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.cluster.resource.DistillationRunStatus;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Every request that the operator makes apart from its watches and its lease. Each may throw {@link
 * KubernetesClientException}, after which the reconciliation is tried again.
 */
public final class ClusterClient {
    private static final PatchContext APPLY =
            new PatchContext.Builder()
                    .withPatchType(PatchType.SERVER_SIDE_APPLY)
                    .withFieldManager(RunLabels.COORDINATOR)
                    .withForce(true)
                    .build();

    private static final long MAX_RUNS = 1000;

    /** Longest value that a label may have. */
    private static final int MAX_LABEL = 63;

    /** Longest message that an event may have. */
    private static final int MAX_MESSAGE = 1024;

    private final KubernetesClient client;
    private final String namespace;
    private final Clock clock;
    private final String identity;

    /**
     * Makes a client of one namespace.
     *
     * @param client borrowed
     * @param identity name of this process in the events that it tells
     */
    public ClusterClient(KubernetesClient client, String namespace, Clock clock, String identity) {
        this.client = client;
        this.namespace = namespace;
        this.clock = clock;
        this.identity = identity;
    }

    ApiLevel level() {
        // Managed clusters answer minor versions like "27+".
        return ApiLevel.of(
                Integer.parseInt(
                        client.getKubernetesVersion().getMinor().replaceAll("[^0-9].*", "")));
    }

    /** Returns the run as it is now, not as a watch saw it last. */
    public Optional<DistillationRun> run(String name) {
        return Optional.ofNullable(
                client.resources(DistillationRun.class)
                        .inNamespace(namespace)
                        .withName(name)
                        .get());
    }

    /** Returns all runs, {@value #MAX_RUNS} at most. */
    public List<DistillationRun> runs() {
        return client.resources(DistillationRun.class)
                .inNamespace(namespace)
                .list(new ListOptionsBuilder().withLimit(MAX_RUNS).build())
                .getItems();
    }

    /** Makes a run's finalisers these; a change by another in between is a conflict. */
    void finalizers(DistillationRun run, List<String> finalizers) {
        client.resource(run)
                .patch(
                        PatchContext.of(PatchType.JSON_MERGE),
                        "{\"metadata\":{\"resourceVersion\":\"%s\",\"finalizers\":[%s]}}"
                                .formatted(
                                        run.getMetadata().getResourceVersion(),
                                        String.join(
                                                ",",
                                                finalizers.stream()
                                                        .map(f -> '"' + f + '"')
                                                        .toList())));
    }

    /** Returns the run with its new status. */
    DistillationRun status(DistillationRun run, DistillationRunStatus status) {
        DistillationRun patch = new DistillationRun();
        patch.setMetadata(
                new ObjectMetaBuilder()
                        .withName(run.getMetadata().getName())
                        .withNamespace(namespace)
                        .build());
        patch.setStatus(status);
        return client.resource(patch).subresource("status").patch(APPLY);
    }

    void apply(HasMetadata object) {
        client.resource(object).patch(APPLY);
    }

    /**
     * Applies an object of a run. One of that name that the operator has not made for this run is
     * not touched: to apply is to take whatever is there.
     *
     * @throws MeshException CLUSTER_REFUSED while there is such an object
     */
    void applyOwn(HasMetadata object) {
        HasMetadata there = client.resource(object).get();
        if (there != null && !RunLabels.sameRun(there, object)) {
            String what = object.getKind() + "/" + object.getMetadata().getName();
            throw new MeshException(
                    ErrorReason.CLUSTER_REFUSED,
                    "name of an object is taken: object=%s, found=one without the run's labels, expected=none; delete that object, or give the run another name"
                            .formatted(what),
                    Map.of("object", what));
        }
        apply(object);
    }

    Optional<Secret> secret(String name) {
        return Optional.ofNullable(client.secrets().inNamespace(namespace).withName(name).get());
    }

    /** Makes a Secret; a conflict if there is one of that name. */
    Secret create(Secret secret) {
        return client.resource(secret).create();
    }

    /** Makes a run, as {@code abmesh submit} asks for. */
    public DistillationRun create(DistillationRun run) {
        return client.resource(run).inNamespace(namespace).create();
    }

    /** Has a run stand still, or go on. */
    public void suspend(String name, boolean suspend) {
        client.resources(DistillationRun.class)
                .inNamespace(namespace)
                .withName(name)
                .patch(
                        PatchContext.of(PatchType.JSON_MERGE),
                        "{\"spec\":{\"suspend\":%s}}".formatted(suspend));
    }

    /** Deletes a run; its finaliser lets it go once its workers are gone. */
    public void delete(String name) {
        client.resources(DistillationRun.class).inNamespace(namespace).withName(name).delete();
    }

    /**
     * Deletes a run's workers and everything around them: what has the labels that the operator
     * gives, since an object that only has the name may be somebody else's. The students go last:
     * while they are there, a reconciliation that was cut short knows that it must go on.
     */
    void deleteObjects(String run, ApiLevel level) {
        if (run.length() > MAX_LABEL) {
            return; // no object can say that it is of this run
        }
        // Secrets by their names: to list them is to read those of everybody.
        for (String worker : List.of(RunObjects.studentsName(run), RunObjects.teachersName(run))) {
            secret(worker).filter(RunLabels::isManaged).ifPresent(this::delete);
        }
        deleteAll(Service.class, run);
        deleteAll(NetworkPolicy.class, run);
        if (level.policyV1()) {
            deleteAll(PodDisruptionBudget.class, run);
        } else {
            deleteAll(
                    io.fabric8.kubernetes.api.model.policy.v1beta1.PodDisruptionBudget.class, run);
        }
        deleteAll(PersistentVolumeClaim.class, run);
        deleteAll(Deployment.class, run);
        deleteAll(StatefulSet.class, run);
    }

    private <T extends HasMetadata> void deleteAll(Class<T> type, String run) {
        client.resources(type)
                .inNamespace(namespace)
                .withLabels(RunLabels.managed())
                .withLabel(RunLabels.RUN, run)
                .list()
                .getItems()
                .forEach(this::delete);
    }

    private void delete(HasMetadata object) {
        client.resource(object).delete();
    }

    /**
     * Tells an event of a run. Its name follows from what was seen, so that a pass that was cut
     * short and is done again does not tell it twice.
     */
    void event(DistillationRun run, Transition transition) {
        String seen =
                "%s/%s/%s"
                        .formatted(
                                run.getMetadata().getUid(),
                                run.getMetadata().getResourceVersion(),
                                transition.reason());
        String name =
                "%s.%s.%s"
                        .formatted(
                                run.getMetadata().getName(),
                                transition.reason().word().toLowerCase(Locale.ROOT),
                                UUID.nameUUIDFromBytes(seen.getBytes(UTF_8)).toString());
        String now = clock.instant().truncatedTo(ChronoUnit.SECONDS).toString();
        String message = transition.message();
        client.resource(
                        new EventBuilder()
                                .withNewMetadata()
                                .withName(name)
                                .withNamespace(namespace)
                                .endMetadata()
                                .withNewInvolvedObject()
                                .withApiVersion(run.getApiVersion())
                                .withKind(run.getKind())
                                .withName(run.getMetadata().getName())
                                .withNamespace(namespace)
                                .withUid(run.getMetadata().getUid())
                                .withResourceVersion(run.getMetadata().getResourceVersion())
                                .endInvolvedObject()
                                .withType(transition.reason().warning() ? "Warning" : "Normal")
                                .withReason(transition.reason().word())
                                .withMessage(
                                        message.length() > MAX_MESSAGE
                                                ? message.substring(0, MAX_MESSAGE - 1) + "…"
                                                : message)
                                .withNewSource(RunLabels.COORDINATOR, null)
                                .withFirstTimestamp(now)
                                .withLastTimestamp(now)
                                .withCount(1)
                                .withReportingComponent(RunLabels.COORDINATOR)
                                .withReportingInstance(identity)
                                .build())
                .create();
    }
}
