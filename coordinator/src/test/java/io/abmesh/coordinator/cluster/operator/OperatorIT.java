package io.abmesh.coordinator.cluster.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.abmesh.coordinator.cluster.decision.MeshState;
import io.abmesh.coordinator.cluster.desired.RunLabels;
import io.abmesh.coordinator.cluster.mesh.ResultCopy;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.DistillationRunStatus;
import io.abmesh.coordinator.cluster.resource.RunPhase;
import io.abmesh.coordinator.cluster.resource.TeacherRange;
import io.abmesh.kube.ApiServer;
import io.abmesh.kube.Binaries;
import io.abmesh.kube.Waiting;
import io.abmesh.proto.identity.MeshIdentity;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ManagedFieldsEntry;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.apps.StatefulSetBuilder;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the operator does, against a real API server and under the Role that is shipped. */
final class OperatorIT {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final String RUN = "small";
    private static final List<String> OBJECTS =
            List.of(
                    "Deployment/small-teacher",
                    "NetworkPolicy/small-student",
                    "NetworkPolicy/small-teacher",
                    "PersistentVolumeClaim/checkpoint-small-student-0",
                    "PodDisruptionBudget/small",
                    "Secret/small-student",
                    "Secret/small-teacher",
                    "Service/small-student",
                    "Service/small-teacher",
                    "StatefulSet/small-student");

    @TempDir static Path directory;
    private static ApiServer server;
    private static final AtomicInteger NAMESPACES = new AtomicInteger();

    private Cluster cluster;

    @BeforeAll
    static void startServer() throws Exception {
        Optional<Binaries> binaries = Binaries.find();
        assumeTrue(binaries.isPresent(), Binaries.missing());
        server = ApiServer.start(binaries.get(), directory);
        Cluster.define(server);
    }

    @AfterAll
    static void stopServer() {
        if (server != null) {
            server.close();
        }
    }

    @BeforeEach
    void open() throws Exception {
        cluster = new Cluster(server, "mesh-" + NAMESPACES.getAndIncrement());
    }

    @AfterEach
    void close() {
        cluster.close();
    }

    @Test
    void anAppliedRunGetsWorkersTellsItsProgressAndLeavesNothingButItsResult() {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        DistillationRunStatus started = cluster.awaitWorkers(RUN, 1, 1);
        assertThat(started.phase()).isEqualTo(RunPhase.STARTING);
        assertThat(cluster.objects()).isEqualTo(OBJECTS);
        assertThat(Cluster.condition(started, "SpecValid").getStatus()).isEqualTo("True");

        cluster.mesh.step(uid, 24);
        DistillationRunStatus running = cluster.await(RUN, RunPhase.RUNNING);
        assertThat(running.progressPercent()).isEqualTo(25);
        assertThat(running.remainingSeconds()).isEqualTo(75);
        assertThat(running.step()).isEqualTo(24);
        assertThat(running.bestAccuracy()).isEqualTo(0.5);
        assertThat(running.agreement()).isEqualTo(0.875);
        assertThat(running.result().runId()).isEqualTo("small-0badcafe");
        assertThat(Cluster.condition(running, "Training").getStatus()).isEqualTo("True");

        cluster.mesh.end(uid, MeshState.SUCCEEDED, "");
        DistillationRunStatus done = cluster.await(RUN, RunPhase.SUCCEEDED);
        assertThat(done.progressPercent()).isEqualTo(100);
        assertThat(done.result().claim()).isEqualTo("store");
        Waiting.until("workers are gone", LIMIT, () -> cluster.objects().isEmpty());
        assertThat(cluster.events(RUN))
                .containsExactly(
                        "SpecAccepted",
                        "Admitted",
                        "WorkersStarting",
                        "WorkersReady",
                        "Training",
                        "Succeeded");
    }

    @Test
    void theProgressOfARunIsToldOnceAPeriodHoweverFastItIs() {
        cluster.operator("one", 1, Duration.ofSeconds(1));
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        cluster.mesh.hurry(uid);
        cluster.await(RUN, RunPhase.RUNNING);
        int told = cluster.log.count("patch abmesh.io/distillationruns/status");
        int periods = cluster.mesh.periods();

        Waiting.until("four periods", LIMIT, () -> cluster.mesh.periods() >= periods + 4);

        assertThat(cluster.log.count("patch abmesh.io/distillationruns/status") - told)
                .isBetween(2, 5);
    }

    @Test
    void aResultIsFollowedUntilItIsInTheObjectStore() {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        String address = "s3://results/small-0badcafe";
        cluster.mesh.deliver(uid, new ResultCopy(address, false, "OBJECTS_UNAVAILABLE: away"));
        cluster.mesh.end(uid, MeshState.SUCCEEDED, "");
        DistillationRunStatus done = cluster.await(RUN, RunPhase.SUCCEEDED);
        assertThat(done.result().objects()).isNull();
        assertThat(done.result().objectsFailure()).isEqualTo("OBJECTS_UNAVAILABLE: away");

        cluster.mesh.deliver(uid, new ResultCopy(address, true, ""));
        Waiting.until(
                "the status says where the result is",
                LIMIT,
                () -> address.equals(cluster.run(RUN).get().getStatus().result().objects()));
        assertThat(cluster.run(RUN).get().getStatus().result().objectsFailure()).isNull();
    }

    @Test
    void studentsScaleThroughTheScaleSubresourceAndTeachersByMeasuredDemand() {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        cluster.mesh.step(uid, 1);
        cluster.run(RUN).scale(3);
        cluster.awaitWorkers(RUN, 3, 1);

        cluster.mesh.rates(uid, 250, 100);
        cluster.clock.advance(Duration.ofMinutes(1));
        cluster.awaitWorkers(RUN, 3, 3);
        cluster.mesh.rates(uid, 50, 100);
        cluster.clock.advance(Duration.ofMinutes(10));
        cluster.awaitWorkers(RUN, 3, 2);
        assertThat(cluster.events(RUN)).contains("StudentsScaled", "TeachersScaled");

        cluster.edit(RUN, spec -> spec.withTeachers(new TeacherRange(4, 6)));
        cluster.awaitWorkers(RUN, 3, 4);
    }

    @Test
    void aSuspendedRunHasNoWorkersGivesUpItsTurnAndGoesOn() {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        cluster.mesh.step(uid, 10);
        cluster.await(RUN, RunPhase.RUNNING);

        cluster.edit(RUN, spec -> spec.withSuspend(true));
        DistillationRunStatus suspended =
                cluster.await(
                        RUN, s -> s.phase() == RunPhase.SUSPENDED && s.workers().students() == 0);
        assertThat(suspended.step()).isEqualTo(10);
        Waiting.until("its turn is given up", LIMIT, () -> !cluster.mesh.progress(uid).executing());
        assertThat(cluster.objects())
                .as("its checkpoint stays")
                .contains("PersistentVolumeClaim/checkpoint-small-student-0");

        String other = cluster.apply("other", Cluster.spec());
        cluster.awaitWorkers("other", 1, 1);
        cluster.edit(RUN, spec -> spec.withSuspend(false));
        DistillationRunStatus waiting = cluster.await(RUN, RunPhase.PENDING);
        assertThat(Cluster.condition(waiting, "Admitted").getMessage())
                .isEqualTo("waits for run other");
        cluster.mesh.end(other, MeshState.SUCCEEDED, "");
        cluster.awaitWorkers(RUN, 1, 1);
        assertThat(cluster.mesh.progress(uid).executing()).isTrue();
        assertThat(cluster.events(RUN)).contains("Suspended", "Queued", "Resumed");
    }

    @Test
    void aPlanWhoseDataTakeLongToFetchHoldsUpNoOtherRun() {
        CountDownLatch fetched = cluster.mesh.fetch("slow");
        cluster.operator("one", 2);
        ObjectNode plan = Cluster.spec().plan().deepCopy();
        cluster.apply("slow", Cluster.spec().withPlan(plan.put("name", "slow")));
        cluster.run("slow")
                .waitUntilCondition(
                        run -> run.getFinalizers().contains(RunReconciler.FINALIZER),
                        30,
                        TimeUnit.SECONDS);
        cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        assertThat(cluster.run("slow").get().getStatus()).as("not judged yet").isNull();
        fetched.countDown();
        cluster.awaitWorkers("slow", 1, 1);
    }

    @Test
    void aRunWhoseDataAreGoneCanBeScaledAndStopped() {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        cluster.mesh.step(uid, 10);
        cluster.mesh.loseData();
        cluster.run(RUN).scale(2);
        cluster.awaitWorkers(RUN, 2, 1);
        cluster.edit(RUN, spec -> spec.withSuspend(true));
        cluster.await(RUN, s -> s.phase() == RunPhase.SUSPENDED && s.workers().students() == 0);
    }

    @Test
    void aBadSpecIsToldWithAllItsProblemsAndMadeGood() {
        cluster.operator("one");
        ObjectNode plan = Cluster.spec().plan().deepCopy();
        plan.put("epochz", 3);
        ((ObjectNode) plan.path("student")).put("network", "wrn-11-1");
        cluster.apply(RUN, DistillationRunSpec.of(plan).withTeachers(new TeacherRange(3, 2)));
        DistillationRunStatus bad = cluster.await(RUN, s -> !s.conditions().isEmpty());
        assertThat(bad.phase()).isEqualTo(RunPhase.PENDING);
        assertThat(Cluster.condition(bad, "SpecValid").getReason()).isEqualTo("SpecRejected");
        assertThat(Cluster.condition(bad, "SpecValid").getMessage())
                .contains("spec.teachers.min: found=3, expected=at most spec.teachers.max=2")
                .contains("spec.plan.epochz: ")
                .contains("spec.plan.student.network: ");
        assertThat(cluster.objects()).isEmpty();

        cluster.edit(RUN, spec -> Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        assertThat(cluster.events(RUN))
                .containsExactly(
                        "SpecRejected",
                        "SpecAccepted",
                        "Admitted",
                        "WorkersStarting",
                        "WorkersReady");
    }

    @Test
    void whatTheApiServerRefusesIsToldAndTriedUntilItIsTaken() {
        // As another version of the operator may have left it: nobody can change a selector.
        Map<String, String> labels = new HashMap<>(RunLabels.managed());
        labels.put(RunLabels.RUN, RUN);
        StatefulSet older = students(labels);
        cluster.admin.resource(older).create();
        cluster.operator("one");
        cluster.apply(RUN, Cluster.spec());
        assertThat(awaitRefusal(RUN))
                .startsWith(
                        "the API server refuses: StatefulSet.apps \"small-student\" is invalid: ");
        cluster.admin.resource(older).delete();
        assertThat(Cluster.condition(cluster.awaitWorkers(RUN, 1, 1), "WorkersReady").getReason())
                .isEqualTo("WorkersReady");
        assertThat(cluster.events(RUN)).containsOnlyOnce("Refused");
    }

    @Test
    void aRunWhoseNameSomebodyElseHasTakenWaitsAndLeavesTheirsAsItIs() {
        HasMetadata somebodys =
                cluster.admin.resource(students(Map.of("app", "somebodys"))).create();
        cluster.operator("one");
        cluster.apply(RUN, Cluster.spec());
        assertThat(awaitRefusal(RUN))
                .startsWith(
                        "CLUSTER_REFUSED: name of an object is taken: object=StatefulSet/small-student, found=");
        cluster.run(RUN).delete();
        cluster.awaitGone(RUN);
        assertThat(cluster.events(RUN)).containsOnlyOnce("Refused");
        assertThat(cluster.admin.resource(somebodys).get().getMetadata().getManagedFields())
                .extracting(ManagedFieldsEntry::getManager)
                .contains("fabric8-kubernetes-client")
                .doesNotContain(RunLabels.COORDINATOR);

        cluster.apply(RUN, Cluster.spec());
        awaitRefusal(RUN);
        cluster.admin.resource(somebodys).delete();
        cluster.awaitWorkers(RUN, 1, 1);
    }

    /** Waits until a run is refused what it needs, and returns the words. */
    private String awaitRefusal(String run) {
        DistillationRunStatus refused =
                cluster.await(
                        run,
                        s -> Cluster.condition(s, "WorkersReady").getReason().equals("Refused"));
        return Cluster.condition(refused, "WorkersReady").getMessage();
    }

    /** Students of no image, which nobody starts, selected by all the labels that they have. */
    private StatefulSet students(Map<String, String> labels) {
        return new StatefulSetBuilder()
                .withNewMetadata()
                .withName("small-student")
                .withNamespace(cluster.namespace)
                .withLabels(labels)
                .endMetadata()
                .withNewSpec()
                .withReplicas(0)
                .withServiceName("small-student")
                .withNewSelector()
                .withMatchLabels(labels)
                .endSelector()
                .withNewTemplate()
                .withNewMetadata()
                .withLabels(labels)
                .endMetadata()
                .withNewSpec()
                .addNewContainer()
                .withName("one")
                .withImage("one:1")
                .endContainer()
                .endSpec()
                .endTemplate()
                .endSpec()
                .build();
    }

    @Test
    void whatTheStoreRefusesIsToldAndTriedUntilItIsTaken() {
        cluster.mesh.full(true);
        cluster.operator("one");
        cluster.apply(RUN, Cluster.spec());
        assertThat(awaitRefusal(RUN)).isEqualTo("STORE_FULL: no room");
        cluster.mesh.full(false);
        cluster.awaitWorkers(RUN, 1, 1);
        assertThat(cluster.events(RUN)).containsOnlyOnce("Refused");
    }

    @Test
    void aBadChangeLeavesTheLastGoodSpecInForce() {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec().withStudents(2));
        cluster.awaitWorkers(RUN, 2, 1);
        cluster.mesh.step(uid, 5);
        ObjectNode plan = Cluster.spec().plan().deepCopy();
        plan.put("seed", 7);
        cluster.edit(RUN, spec -> spec.withPlan(plan).withStudents(4));
        DistillationRunStatus bad =
                cluster.await(
                        RUN,
                        s -> Cluster.condition(s, "SpecValid").getReason().equals("SpecRejected"));
        assertThat(bad.phase()).isEqualTo(RunPhase.RUNNING);
        assertThat(Cluster.condition(bad, "SpecValid").getMessage())
                .startsWith("spec.plan: found=another plan")
                .endsWith("the last good spec stays in force");
        assertThat(cluster.awaitWorkers(RUN, 2, 1).phase()).isEqualTo(RunPhase.RUNNING);
    }

    @Test
    void aRunWithoutASpecIsRefused() {
        assertThatThrownBy(
                        () ->
                                cluster.admin
                                        .genericKubernetesResources(
                                                "abmesh.io/v1alpha1", "DistillationRun")
                                        .inNamespace(cluster.namespace)
                                        .resource(
                                                new GenericKubernetesResourceBuilder()
                                                        .withApiVersion("abmesh.io/v1alpha1")
                                                        .withKind("DistillationRun")
                                                        .withNewMetadata()
                                                        .withName(RUN)
                                                        .endMetadata()
                                                        .build())
                                        .create())
                .isInstanceOf(KubernetesClientException.class)
                .hasMessageContaining("spec: Required value");
    }

    @Test
    void aRunWhoseJournalCannotBeReadStopsNoOther() {
        cluster.operator("one", 2);
        String broken = cluster.apply("broken", Cluster.spec());
        cluster.awaitWorkers("broken", 1, 1);
        cluster.mesh.breakJournal(broken);
        String other = cluster.apply("other", Cluster.spec());
        cluster.awaitWorkers("other", 1, 1);
        cluster.mesh.end(other, MeshState.SUCCEEDED, "");
        cluster.await("other", RunPhase.SUCCEEDED);
    }

    @Test
    void aSuspendedRunThatABadChangeWouldHaveGoOnKeepsNoPlace() {
        cluster.operator("one");
        cluster.apply("older", Cluster.spec().withSuspend(true));
        cluster.await("older", RunPhase.SUSPENDED);
        cluster.edit("older", spec -> spec.withSuspend(false).withTeachers(new TeacherRange(3, 2)));
        DistillationRunStatus bad =
                cluster.await(
                        "older",
                        s -> Cluster.condition(s, "SpecValid").getReason().equals("SpecRejected"));
        assertThat(bad.phase()).isEqualTo(RunPhase.SUSPENDED);
        cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
    }

    @Test
    void aRunThatABadChangeWouldHaveStandStillHasItsTurn() {
        cluster.operator("one");
        String first = cluster.apply("first", Cluster.spec());
        cluster.awaitWorkers("first", 1, 1);
        cluster.apply(RUN, Cluster.spec());
        cluster.await(RUN, RunPhase.PENDING);
        cluster.edit(RUN, spec -> spec.withSuspend(true).withTeachers(new TeacherRange(3, 2)));
        cluster.await(
                RUN, s -> Cluster.condition(s, "SpecValid").getReason().equals("SpecRejected"));
        cluster.mesh.end(first, MeshState.SUCCEEDED, "");
        cluster.awaitWorkers(RUN, 1, 1);
    }

    @Test
    void aDeletedRunTakesItsWorkersWithItAndKeepsItsResult() {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        cluster.mesh.step(uid, 10);
        cluster.run(RUN).delete();
        cluster.awaitGone(RUN);
        assertThat(cluster.mesh.progress(uid).state()).isEqualTo(MeshState.CANCELLED);
        Waiting.until("workers are gone", LIMIT, () -> cluster.objects().isEmpty());
        assertThat(cluster.events(RUN)).endsWith("ResultKept");
    }

    @Test
    void whatSomebodyElseMadeUnderTheNamesOfARunOutlivesIt() {
        somebodysSecret("small-teacher");
        cluster.admin
                .resource(
                        new ServiceBuilder()
                                .withNewMetadata()
                                .withName("bad-student")
                                .withNamespace(cluster.namespace)
                                .endMetadata()
                                .withNewSpec()
                                .withClusterIP("None")
                                .endSpec()
                                .build())
                .create();
        cluster.operator("one");
        cluster.apply("bad", Cluster.spec().withTeachers(new TeacherRange(3, 2)));
        cluster.await(
                "bad", s -> Cluster.condition(s, "SpecValid").getReason().equals("SpecRejected"));
        cluster.run("bad").delete();
        cluster.awaitGone("bad");
        assertThat(cluster.objects()).containsExactly("Service/bad-student");

        cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        cluster.run(RUN).delete();
        cluster.awaitGone(RUN);
        Waiting.until(
                "its own are gone",
                LIMIT,
                () -> cluster.objects().equals(List.of("Service/bad-student")));
        assertThat(cluster.secret("small-teacher")).isNotNull();
        assertThat(cluster.secret("small-student")).isNull();
    }

    @Test
    void aRunWhoseNameIsTooLongForALabelCanBeDeleted() {
        cluster.operator("one");
        String name = "a".repeat(64);
        cluster.apply(name, Cluster.spec());
        DistillationRunStatus bad = cluster.await(name, s -> !s.conditions().isEmpty());
        assertThat(Cluster.condition(bad, "SpecValid").getReason()).isEqualTo("SpecRejected");
        cluster.run(name).delete();
        cluster.awaitGone(name);
    }

    @Test
    void aRunWhoseResourceWasTornAwayPastItsFinaliserGivesUpItsTurn() {
        Operator operator = cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        operator.close();
        cluster.run(RUN)
                .edit(
                        run -> {
                            run.getMetadata().setFinalizers(List.of());
                            return run;
                        });
        cluster.run(RUN).delete();
        cluster.awaitGone(RUN);
        assertThat(cluster.mesh.progress(uid).executing()).isTrue();
        cluster.operator("two");
        Waiting.until("its turn is given up", LIMIT, () -> !cluster.mesh.progress(uid).executing());
    }

    @Test
    void theSecondRunStartsWhenTheWorkersOfTheFirstAreGone() {
        cluster.operator("one");
        String first = cluster.apply("first", Cluster.spec());
        cluster.awaitWorkers("first", 1, 1);
        cluster.apply("second", Cluster.spec());
        DistillationRunStatus waiting = cluster.await("second", RunPhase.PENDING);
        assertThat(waiting.workers().teachersWanted()).isZero();
        assertThat(Cluster.condition(waiting, "Admitted").getReason()).isEqualTo("Queued");
        assertThat(Cluster.condition(waiting, "Admitted").getMessage())
                .isEqualTo("waits for run first");
        cluster.mesh.end(first, MeshState.FAILED, "LOSS_NOT_FINITE: loss is NaN");
        DistillationRunStatus failed = cluster.await("first", RunPhase.FAILED);
        assertThat(Cluster.condition(failed, "Complete").getMessage())
                .isEqualTo("LOSS_NOT_FINITE: loss is NaN");
        cluster.awaitWorkers("second", 1, 1);
    }

    @Test
    void asManyRunsAsMayHaveWorkersHaveThemAtTheSameTime() {
        cluster.operator("one", 2);
        String first = cluster.apply("first", Cluster.spec());
        cluster.awaitWorkers("first", 1, 1);
        String second = cluster.apply("second", Cluster.spec());
        cluster.awaitWorkers("second", 1, 1);
        cluster.mesh.step(first, 10);
        cluster.mesh.step(second, 20);
        assertThat(cluster.await("first", s -> s.step() == 10).phase()).isEqualTo(RunPhase.RUNNING);
        assertThat(cluster.await("second", s -> s.step() == 20).phase())
                .isEqualTo(RunPhase.RUNNING);
        assertThat(cluster.objects())
                .contains("StatefulSet/first-student", "StatefulSet/second-student");

        cluster.apply("third", Cluster.spec());
        DistillationRunStatus queued = cluster.await("third", RunPhase.PENDING);
        assertThat(Cluster.condition(queued, "Admitted").getStatus()).isEqualTo("False");
        assertThat(Cluster.condition(queued, "Admitted").getReason()).isEqualTo("Queued");
        assertThat(Cluster.condition(queued, "Admitted").getMessage())
                .isEqualTo("waits for one of the runs first, second");
        assertThat(cluster.objects()).doesNotContain("StatefulSet/third-student");

        cluster.run("first").delete();
        cluster.awaitGone("first");
        cluster.awaitWorkers("third", 1, 1);
        DistillationRunStatus other = cluster.awaitWorkers("second", 1, 1);
        assertThat(other.phase()).isEqualTo(RunPhase.RUNNING);
        assertThat(cluster.events("second"))
                .as("the runs beside it changed nothing of it")
                .containsExactly(
                        "SpecAccepted", "Admitted", "WorkersStarting", "WorkersReady", "Training");
    }

    @Test
    void workersAreToldWhichRunTheyAreFor() {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        assertThat(
                        cluster
                                .admin
                                .pods()
                                .inNamespace(cluster.namespace)
                                .list()
                                .getItems()
                                .stream()
                                .flatMap(pod -> pod.getSpec().getContainers().stream())
                                .flatMap(container -> container.getEnv().stream())
                                .filter(variable -> variable.getName().endsWith("_RUN")))
                .extracting(EnvVar::getName, EnvVar::getValue)
                .containsExactlyInAnyOrder(
                        tuple("ABMESH_STUDENT_RUN", uid), tuple("ABMESH_TEACHER_RUN", uid));
    }

    @Test
    void anOperatorThatIsReplacedAtEveryStepEndsWhereOneThatLivesDoes() {
        Operator operator = cluster.operator("0");
        operator.close();
        String uid = cluster.apply(RUN, Cluster.spec());
        operator = cluster.operator("1");
        cluster.run(RUN)
                .waitUntilCondition(
                        run -> run.getFinalizers().contains(RunReconciler.FINALIZER),
                        30,
                        TimeUnit.SECONDS);
        operator.close();
        operator = cluster.operator("2");
        cluster.awaitWorkers(RUN, 1, 1);
        operator.close();
        cluster.mesh.step(uid, 10);
        operator = cluster.operator("3");
        cluster.await(RUN, RunPhase.RUNNING);
        operator.close();
        cluster.edit(RUN, spec -> spec.withStudents(2));
        operator = cluster.operator("4");
        cluster.awaitWorkers(RUN, 2, 1);
        operator.close();
        cluster.edit(RUN, spec -> spec.withSuspend(true));
        operator = cluster.operator("5");
        cluster.await(RUN, s -> s.phase() == RunPhase.SUSPENDED && s.workers().students() == 0);
        operator.close();
        cluster.edit(RUN, spec -> spec.withSuspend(false));
        operator = cluster.operator("6");
        cluster.awaitWorkers(RUN, 2, 1);
        operator.close();
        cluster.mesh.end(uid, MeshState.SUCCEEDED, "");
        operator = cluster.operator("7");
        cluster.await(RUN, RunPhase.SUCCEEDED);
        Waiting.until("workers are gone", LIMIT, () -> cluster.objects().isEmpty());
        operator.close();
        cluster.run(RUN).delete();
        cluster.operator("8");
        cluster.awaitGone(RUN);
        assertThat(cluster.events(RUN))
                .containsOnlyOnce("SpecAccepted", "Admitted", "Suspended", "Resumed", "Succeeded")
                .containsSubsequence("SpecAccepted", "Admitted", "Training", "Suspended", "Resumed")
                .endsWith("Succeeded", "ResultKept");
    }

    @Test
    void ofTwoOperatorsOneActsAndTheOtherTakesOver() {
        Map<String, Operator> operators =
                Map.of("one", cluster.operator("one"), "two", cluster.operator("two"));
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        String first = holder();
        operators.get(first).close();
        cluster.mesh.step(uid, 1);
        cluster.await(RUN, RunPhase.RUNNING);
        assertThat(holder()).isIn(operators.keySet()).isNotEqualTo(first);
    }

    private String holder() {
        return cluster.admin
                .leases()
                .inNamespace(cluster.namespace)
                .withName(Operator.LEASE)
                .get()
                .getSpec()
                .getHolderIdentity();
    }

    @Test
    void whatAnotherChangesOfARunsObjectsIsChangedBack() {
        cluster.operator("one");
        cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        var students =
                cluster.admin
                        .apps()
                        .statefulSets()
                        .inNamespace(cluster.namespace)
                        .withName("small-student");
        students.scale(5);
        cluster.admin.services().inNamespace(cluster.namespace).withName("small-teacher").delete();
        Waiting.until(
                "the objects are the run's again",
                LIMIT,
                () ->
                        students.get().getSpec().getReplicas() == 1
                                && cluster.objects().contains("Service/small-teacher"));
    }

    @Test
    void everyRoleHasACertificateThatIsReplacedBeforeItExpiresAndWithItsAuthority()
            throws Exception {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        Waiting.until("people have one", LIMIT, () -> cluster.secret("abmesh-client") != null);
        assertThat(identity("small-student"))
                .hasToString("spiffe://%s/run/%s/student".formatted(cluster.namespace, uid));
        assertThat(identity("small-teacher"))
                .hasToString("spiffe://%s/run/%s/teacher".formatted(cluster.namespace, uid));
        assertThat(identity("abmesh-client"))
                .hasToString("spiffe://%s/client".formatted(cluster.namespace));
        assertThat(cluster.secret("small-student").getMetadata().getOwnerReferences())
                .singleElement()
                .satisfies(owner -> assertThat(owner.getUid()).isEqualTo(uid));

        List<String> names = List.of("small-student", "small-teacher", "abmesh-client");
        List<String> first = files(names, "tls.crt");
        cluster.clock.advance(Cluster.LIFE.multipliedBy(2).dividedBy(3));
        Waiting.until(
                "all are replaced",
                LIMIT,
                () -> files(names, "tls.crt").stream().noneMatch(first::contains));
        List<String> second = files(names, "ca.crt");
        cluster.admin.secrets().inNamespace(cluster.namespace).withName("abmesh-ca").delete();
        Waiting.until(
                "all are another authority's",
                LIMIT,
                () -> files(names, "ca.crt").stream().noneMatch(second::contains));
    }

    @Test
    void aSecretThatSomebodyElseSeesToIsLeftAlone() {
        somebodysSecret("abmesh-client");
        cluster.operator("one");
        cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        assertThat(cluster.secret("abmesh-client").getData())
                .containsOnlyKeys("tls.crt")
                .containsValue("bWluZQ==");
    }

    private void somebodysSecret(String name) {
        cluster.admin
                .resource(
                        new SecretBuilder()
                                .withNewMetadata()
                                .withName(name)
                                .withNamespace(cluster.namespace)
                                .endMetadata()
                                .addToData("tls.crt", "bWluZQ==")
                                .build())
                .create();
    }

    private List<String> files(List<String> secrets, String file) {
        return secrets.stream().map(name -> cluster.secret(name).getData().get(file)).toList();
    }

    private URI identity(String secret) throws Exception {
        byte[] pem = Base64.getDecoder().decode(cluster.secret(secret).getData().get("tls.crt"));
        return MeshIdentity.of(
                        (X509Certificate)
                                CertificateFactory.getInstance("X.509")
                                        .generateCertificate(new ByteArrayInputStream(pem)))
                .uri();
    }

    @Test
    void anEditThatSawAnOlderRunIsRefused() {
        cluster.apply(RUN, Cluster.spec());
        DistillationRun seen = cluster.run(RUN).get();
        cluster.edit(RUN, spec -> spec.withStudents(2));
        ClusterClient client =
                new ClusterClient(
                        cluster.coordinator(), cluster.namespace, Clock.systemUTC(), "one");
        assertThatThrownBy(() -> client.finalizers(seen, List.of(RunReconciler.FINALIZER)))
                .isInstanceOfSatisfying(
                        KubernetesClientException.class,
                        e -> assertThat(e.getCode()).isEqualTo(409));
        assertThat(cluster.run(RUN).get().getFinalizers()).isEmpty();
    }

    @Test
    void anApiServerThatComesBackWithExpiredWatchesIsListedAgain() throws Exception {
        cluster.operator("one");
        String uid = cluster.apply(RUN, Cluster.spec());
        cluster.awaitWorkers(RUN, 1, 1);
        int lists = cluster.log.count("list abmesh.io/distillationruns");
        server.stopApiServer();
        cluster.mesh.step(uid, 49);
        server.startApiServerAgain();
        DistillationRunStatus running = cluster.await(RUN, RunPhase.RUNNING);
        assertThat(running.progressPercent()).isEqualTo(50);
        cluster.run(RUN).scale(2);
        cluster.awaitWorkers(RUN, 2, 1);
        // A watch that could go on would not list: the server said 410, its events are gone.
        assertThat(cluster.log.count("list abmesh.io/distillationruns")).isGreaterThan(lists);
    }

    @Test
    void theRoleHasEveryRightThatIsUsedAndNoOther() {
        cluster.operator("one");
        ClusterClient client =
                new ClusterClient(
                        cluster.coordinator(), cluster.namespace, Clock.systemUTC(), "one");
        DistillationRun run = new DistillationRun();
        run.setMetadata(new ObjectMetaBuilder().withName(RUN).build());
        run.setSpec(Cluster.spec());
        String uid = client.create(run).getMetadata().getUid();
        cluster.awaitWorkers(RUN, 1, 1);
        cluster.mesh.step(uid, 10);
        client.suspend(RUN, true);
        cluster.await(RUN, RunPhase.SUSPENDED);
        client.delete(RUN);
        cluster.awaitGone(RUN);
        assertThat(cluster.log.asked()).isEqualTo(allowed());
    }

    private Set<String> allowed() {
        Set<String> allowed = new HashSet<>();
        for (PolicyRule rule :
                cluster.admin
                        .rbac()
                        .roles()
                        .inNamespace(cluster.namespace)
                        .withName("abmesh-coordinator")
                        .get()
                        .getRules()) {
            for (String group : rule.getApiGroups()) {
                for (String resource : rule.getResources()) {
                    for (String verb : rule.getVerbs()) {
                        allowed.add(verb + " " + group + "/" + resource);
                    }
                }
            }
        }
        return allowed;
    }

    @Test
    void studentsHaveAStableNameAndAVolumeOfTheirOwn() {
        cluster.operator("one");
        cluster.apply(RUN, Cluster.spec().withStudents(2));
        cluster.awaitWorkers(RUN, 2, 1);
        String before = pod().getMetadata().getUid();
        cluster.admin.resource(pod()).withGracePeriod(0).delete();
        Waiting.until(
                "the student is there again under its name",
                LIMIT,
                () -> pod() != null && !pod().getMetadata().getUid().equals(before));
        cluster.awaitWorkers(RUN, 2, 1);
        StatefulSet set =
                cluster.admin
                        .apps()
                        .statefulSets()
                        .inNamespace(cluster.namespace)
                        .withName("small-student")
                        .get();
        assertThat(set.getSpec().getVolumeClaimTemplates()).hasSize(1);
        assertThat(cluster.objects())
                .contains(
                        "PersistentVolumeClaim/checkpoint-small-student-0",
                        "PersistentVolumeClaim/checkpoint-small-student-1");
    }

    private Pod pod() {
        return cluster.admin
                .pods()
                .inNamespace(cluster.namespace)
                .withName("small-student-1")
                .get();
    }
}
