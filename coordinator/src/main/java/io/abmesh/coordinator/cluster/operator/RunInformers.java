package io.abmesh.coordinator.cluster.operator;

import io.abmesh.coordinator.cluster.desired.RunLabels;
import io.abmesh.coordinator.cluster.desired.RunObjects;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Informable;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import io.fabric8.kubernetes.client.informers.cache.Cache;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/**
 * What the API server was last seen to have: runs, and what runs have made. A watch that breaks or
 * expires is begun anew by the client, behind a fresh list.
 */
final class RunInformers implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(RunInformers.class);

    /** Phases of pods that are over. */
    private static final Set<String> OVER = Set.of("Failed", "Succeeded");

    /** No period of its own: the operator looks at every run now and then anyway. */
    private static final long NO_RESYNC = 0;

    private final String namespace;
    private final SharedIndexInformer<DistillationRun> runs;
    private final SharedIndexInformer<StatefulSet> students;
    private final SharedIndexInformer<Deployment> teachers;
    private final SharedIndexInformer<Pod> pods;

    /**
     * Makes informers that are not started.
     *
     * @param changed told the name of a run of which something but the status changed, on a thread
     *     of the client
     */
    RunInformers(KubernetesClient client, String namespace, Consumer<String> changed) {
        this.namespace = namespace;
        this.runs =
                informer(
                        client.resources(DistillationRun.class).inNamespace(namespace),
                        RunInformers::another,
                        run -> changed.accept(run.getMetadata().getName()));
        this.students =
                informer(
                        client.apps()
                                .statefulSets()
                                .inNamespace(namespace)
                                .withLabels(RunLabels.managed()),
                        (before, after) ->
                                another(before, after)
                                        || !Objects.equals(before.getStatus(), after.getStatus()),
                        object -> changed.accept(run(object)));
        this.teachers =
                informer(
                        client.apps()
                                .deployments()
                                .inNamespace(namespace)
                                .withLabels(RunLabels.managed()),
                        (before, after) ->
                                another(before, after)
                                        || !Objects.equals(before.getStatus(), after.getStatus()),
                        object -> changed.accept(run(object)));
        this.pods =
                informer(
                        client.pods()
                                .inNamespace(namespace)
                                .withLabel(RunLabels.NAME, RunLabels.ABMESH)
                                .withLabel(RunLabels.RUN),
                        (before, after) -> true,
                        object -> changed.accept(run(object)));
    }

    /**
     * Returns whether something else is wanted than before. What is left out is the operator's own
     * doing, and whoever looked again because of it would do it again: the status of a run, and the
     * date of an apply, which the server keeps though nothing else of the object has changed.
     */
    private static boolean another(HasMetadata before, HasMetadata after) {
        ObjectMeta was = before.getMetadata();
        ObjectMeta is = after.getMetadata();
        return !Objects.equals(was.getUid(), is.getUid())
                || !Objects.equals(was.getGeneration(), is.getGeneration())
                || !Objects.equals(was.getDeletionTimestamp(), is.getDeletionTimestamp())
                || !was.getFinalizers().equals(is.getFinalizers());
    }

    private static <T extends HasMetadata> SharedIndexInformer<T> informer(
            Informable<T> objects, BiPredicate<T, T> another, Consumer<T> changed) {
        SharedIndexInformer<T> informer = objects.runnableInformer(NO_RESYNC);
        informer.addEventHandler(
                new ResourceEventHandler<>() {
                    @Override
                    public void onAdd(T object) {
                        changed.accept(object);
                    }

                    @Override
                    public void onUpdate(T before, T after) {
                        if (another.test(before, after)) {
                            changed.accept(after);
                        }
                    }

                    @Override
                    public void onDelete(T object, boolean unknownState) {
                        changed.accept(object);
                    }
                });
        informer.exceptionHandler(
                (started, failure) -> {
                    LOG.warnf("Watch failed, trying again cause=%s", failure.getMessage());
                    return true;
                });
        return informer;
    }

    /** Starts to list and to watch; returns at once. */
    void start() {
        for (SharedIndexInformer<?> informer : List.of(runs, students, teachers, pods)) {
            var unused = informer.start();
        }
    }

    /** Returns whether everything was listed once. */
    boolean synced() {
        return runs.hasSynced() && students.hasSynced() && teachers.hasSynced() && pods.hasSynced();
    }

    List<DistillationRun> runs() {
        return runs.getStore().list();
    }

    Optional<StatefulSet> students(String run) {
        return Optional.ofNullable(
                students.getStore()
                        .getByKey(Cache.namespaceKeyFunc(namespace, RunObjects.studentsName(run))));
    }

    Optional<Deployment> teachers(String run) {
        return Optional.ofNullable(
                teachers.getStore()
                        .getByKey(Cache.namespaceKeyFunc(namespace, RunObjects.teachersName(run))));
    }

    /** Returns how many worker pods of a run are at work, those that are leaving included. */
    long pods(String run) {
        return working().filter(pod -> run(pod).equals(run)).count();
    }

    /** Returns the names of the runs of which worker pods are at work. */
    Set<String> runsWithPods() {
        return working().map(RunInformers::run).collect(Collectors.toSet());
    }

    /** Pods but those that are over, evicted ones for instance, which nobody takes away. */
    private Stream<Pod> working() {
        return pods.getStore().list().stream()
                .filter(pod -> pod.getStatus() == null || !OVER.contains(phase(pod)));
    }

    private static String phase(Pod pod) {
        return Objects.requireNonNullElse(pod.getStatus().getPhase(), "");
    }

    private static String run(HasMetadata object) {
        return object.getMetadata().getLabels().getOrDefault(RunLabels.RUN, "");
    }

    @Override
    public void close() {
        for (SharedIndexInformer<?> informer : List.of(runs, students, teachers, pods)) {
            informer.stop();
        }
    }
}
