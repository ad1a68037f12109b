package io.abmesh.coordinator.cluster.desired;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.RoleResources;
import io.abmesh.coordinator.cluster.resource.WorkerResources;
import io.abmesh.coordinator.plan.PlanDocument;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.kube.Schemas;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentStrategy;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyEgressRule;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class RunObjectsTest {
    private static final OwnerReference OWNER =
            new OwnerReferenceBuilder().withName("small").withUid("uid").build();
    private static final DistillationRunSpec SPEC =
            DistillationRunSpec.of(
                    PlanDocument.of(PlanReader.read(TestingPlans.distilled(), List.of()).plan()));

    private static Surroundings around(int minor) {
        return new Surroundings(
                "mesh",
                "abmesh-coordinator.mesh.svc:7700",
                new Surroundings.Images("student", "teacher", "student-cuda", "teacher-cuda"),
                Optional.of("data"),
                new Surroundings.Objects(Optional.of("abmesh-objects"), 9000),
                Optional.of(new Surroundings.Collector("http://collector.traces:4318", 4318)),
                Optional.of("training"),
                ApiLevel.of(minor));
    }

    private static List<HasMetadata> objects(DistillationRunSpec spec, int minor) {
        return new RunObjects("small", OWNER, spec, 2, 3, around(minor)).all();
    }

    private static <T> T only(List<HasMetadata> objects, Class<T> type) {
        return objects.stream().filter(type::isInstance).map(type::cast).findFirst().orElseThrow();
    }

    private static String variable(PodTemplateSpec pod, String name) {
        return container(pod).getEnv().stream()
                .filter(e -> e.getName().equals(name))
                .map(EnvVar::getValue)
                .findFirst()
                .orElseThrow();
    }

    private static Container container(PodTemplateSpec pod) {
        return pod.getSpec().getContainers().get(0);
    }

    @Test
    void everyObjectFitsTheSchemaOfACurrentKubernetes() throws Exception {
        Optional<Schemas> schemas = Schemas.find();
        assumeTrue(schemas.isPresent(), Schemas.missing());
        KubernetesSerialization json = new KubernetesSerialization();
        assertThat(schemas.get().problems(objects(SPEC, 34).stream().map(json::asJson).toList()))
                .isEmpty();
    }

    @Test
    void workersReachTheCollectorOfTraces() {
        List<HasMetadata> objects = objects(SPEC, 30);
        for (PodTemplateSpec pod :
                List.of(
                        only(objects, StatefulSet.class).getSpec().getTemplate(),
                        only(objects, Deployment.class).getSpec().getTemplate())) {
            assertThat(variable(pod, "OTEL_EXPORTER_OTLP_ENDPOINT"))
                    .isEqualTo("http://collector.traces:4318");
        }
        assertThat(objects.stream().filter(NetworkPolicy.class::isInstance))
                .allSatisfy(
                        policy ->
                                assertThat(((NetworkPolicy) policy).getSpec().getEgress())
                                        .flatExtracting(NetworkPolicyEgressRule::getPorts)
                                        .extracting(port -> port.getPort().getIntVal())
                                        .contains(4318));
    }

    @Test
    void everyObjectBelongsToTheRun() {
        assertThat(objects(SPEC, 30))
                .extracting(o -> o.getKind() + "/" + o.getMetadata().getName())
                .containsExactly(
                        "NetworkPolicy/small-student",
                        "Service/small-student",
                        "StatefulSet/small-student",
                        "NetworkPolicy/small-teacher",
                        "Service/small-teacher",
                        "Deployment/small-teacher",
                        "PodDisruptionBudget/small");
        assertThat(objects(SPEC, 30))
                .allSatisfy(
                        object -> {
                            assertThat(object.getMetadata().getOwnerReferences())
                                    .containsExactly(OWNER);
                            assertThat(object.getMetadata().getNamespace()).isEqualTo("mesh");
                            assertThat(object.getMetadata().getLabels())
                                    .containsAllEntriesOf(RunLabels.managed());
                        });
    }

    @Test
    void aPlanWithoutTeacherWantsNoTeachers() {
        DistillationRunSpec supervised =
                DistillationRunSpec.of(
                        PlanDocument.of(
                                PlanReader.read(TestingPlans.supervised(), List.of()).plan()));
        assertThat(objects(supervised, 30))
                .noneMatch(o -> o.getMetadata().getName().contains("teacher"));
    }

    @Test
    void studentsKeepTheirNameAndTheirCheckpoint() {
        StatefulSet students = only(objects(SPEC, 30), StatefulSet.class);
        assertThat(students.getSpec().getReplicas()).isEqualTo(2);
        assertThat(students.getSpec().getServiceName()).isEqualTo("small-student");
        assertThat(students.getSpec().getVolumeClaimTemplates())
                .singleElement()
                .satisfies(
                        claim ->
                                assertThat(
                                                claim.getSpec()
                                                        .getResources()
                                                        .getRequests()
                                                        .get("storage"))
                                        .hasToString("10Gi"));
        assertThat(container(students.getSpec().getTemplate()).getEnv())
                .filteredOn(e -> e.getName().equals("ABMESH_STUDENT_WORKER_ID"))
                .singleElement()
                .satisfies(
                        e ->
                                assertThat(e.getValueFrom().getFieldRef().getFieldPath())
                                        .isEqualTo("metadata.name"));
        assertThat(
                        variable(
                                students.getSpec().getTemplate(),
                                "ABMESH_STUDENT_CHECKPOINT_DIRECTORY"))
                .isEqualTo("/var/lib/abmesh/checkpoint");
    }

    @Test
    void aStudentHasTimeForALastCheckpointBeforeItsPodIsKilled() {
        PodTemplateSpec students =
                only(objects(SPEC, 30), StatefulSet.class).getSpec().getTemplate();

        assertThat(variable(students, "ABMESH_STUDENT_STOP_GRACE")).isEqualTo("45s");
        assertThat(students.getSpec().getTerminationGracePeriodSeconds()).isEqualTo(60);
    }

    @Test
    void aTeacherIsReplacedWhereThereIsNoRoomForOneMore() {
        DeploymentStrategy strategy =
                only(objects(SPEC, 30), Deployment.class).getSpec().getStrategy();
        assertThat(strategy.getType()).isEqualTo("RollingUpdate");
        assertThat(strategy.getRollingUpdate().getMaxSurge().getIntVal()).isZero();
        assertThat(strategy.getRollingUpdate().getMaxUnavailable().getIntVal()).isEqualTo(1);
    }

    @Test
    void aPodOfEitherRoleIsRestricted() {
        StatefulSet students = only(objects(SPEC, 30), StatefulSet.class);
        Deployment teachers = only(objects(SPEC, 30), Deployment.class);
        for (PodTemplateSpec pod :
                List.of(students.getSpec().getTemplate(), teachers.getSpec().getTemplate())) {
            assertThat(pod.getSpec().getAutomountServiceAccountToken()).isFalse();
            assertThat(pod.getSpec().getSecurityContext().getRunAsNonRoot()).isTrue();
            assertThat(pod.getSpec().getSecurityContext().getSeccompProfile().getType())
                    .isEqualTo("RuntimeDefault");
            assertThat(container(pod).getSecurityContext().getReadOnlyRootFilesystem()).isTrue();
            assertThat(container(pod).getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
            assertThat(container(pod).getSecurityContext().getCapabilities().getDrop())
                    .containsExactly("ALL");
            assertThat(pod.getSpec().getPriorityClassName()).isEqualTo("training");
            assertThat(pod.getSpec().getTopologySpreadConstraints()).hasSize(1);
        }
    }

    @Test
    void aPodReadsTheCertificateOfItsRoleAndTellsItsHealthToWhoeverHasNone() {
        PodTemplateSpec students =
                only(objects(SPEC, 30), StatefulSet.class).getSpec().getTemplate();
        PodTemplateSpec teachers =
                only(objects(SPEC, 30), Deployment.class).getSpec().getTemplate();
        assertThat(variable(students, "ABMESH_STUDENT_TLS_DIRECTORY")).isEqualTo("/etc/abmesh/tls");
        assertThat(variable(teachers, "ABMESH_TEACHER_TLS_DIRECTORY")).isEqualTo("/etc/abmesh/tls");
        assertThat(secret(students)).isEqualTo("small-student");
        assertThat(secret(teachers)).isEqualTo("small-teacher");
        for (PodTemplateSpec pod : List.of(students, teachers)) {
            assertThat(container(pod).getVolumeMounts())
                    .anySatisfy(
                            mount -> {
                                assertThat(mount.getMountPath()).isEqualTo("/etc/abmesh/tls");
                                assertThat(mount.getReadOnly()).isTrue();
                            });
            assertThat(container(pod).getReadinessProbe().getHttpGet().getPath())
                    .isEqualTo("/q/health/ready");
        }
    }

    private static String secret(PodTemplateSpec pod) {
        return pod.getSpec().getVolumes().stream()
                .filter(volume -> volume.getName().equals("tls"))
                .map(volume -> volume.getSecret().getSecretName())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void memoryFlagsFollowTheLimit() {
        StatefulSet students = only(objects(SPEC, 30), StatefulSet.class);
        assertThat(variable(students.getSpec().getTemplate(), "JDK_JAVA_OPTIONS"))
                .isEqualTo(
                        "-Xmx1638m -XX:MaxDirectMemorySize=819m -XX:+ExitOnOutOfMemoryError"
                                + " -Dorg.bytedeco.javacpp.maxbytes=5351m"
                                + " -Dorg.bytedeco.javacpp.maxphysicalbytes=8000m");
    }

    @Test
    void aTeachersModelIsOnTheDataVolumeOrInTheImage() {
        Deployment teachers = only(objects(SPEC, 30), Deployment.class);
        assertThat(variable(teachers.getSpec().getTemplate(), "ABMESH_TEACHER_MODEL"))
                .isEqualTo("/data/teacher.onnx");
        DistillationRunSpec builtin =
                DistillationRunSpec.of(
                        PlanDocument.of(
                                PlanReader.read(
                                                TestingPlans.distilled(),
                                                List.of("teacher.model=builtin:fashion-mnist"))
                                        .plan()));
        assertThat(
                        variable(
                                only(objects(builtin, 30), Deployment.class)
                                        .getSpec()
                                        .getTemplate(),
                                "ABMESH_TEACHER_MODEL"))
                .isEqualTo("/opt/abmesh/teachers/fashion-mnist-wrn.onnx");
    }

    @Test
    void aTeacherThatIsAnObjectIsFetchedWithTheSecretOfTheStore() {
        DistillationRunSpec object =
                DistillationRunSpec.of(
                        PlanDocument.of(
                                PlanReader.read(
                                                TestingPlans.distilled(),
                                                List.of("teacher.model=s3://models/wrn.onnx"))
                                        .plan()));
        PodTemplateSpec teachers =
                only(objects(object, 30), Deployment.class).getSpec().getTemplate();

        assertThat(variable(teachers, "ABMESH_TEACHER_MODEL")).isEqualTo("s3://models/wrn.onnx");
        assertThat(variable(teachers, "ABMESH_TEACHER_OBJECT_CACHE_DIRECTORY"))
                .isEqualTo("/var/cache/abmesh/objects");
        assertThat(variable(teachers, "ABMESH_TEACHER_OBJECT_CACHE_MAX_SIZE")).isEqualTo("960M");
        assertThat(container(teachers).getEnvFrom())
                .singleElement()
                .satisfies(
                        from -> {
                            assertThat(from.getSecretRef().getName()).isEqualTo("abmesh-objects");
                            assertThat(from.getSecretRef().getOptional()).isTrue();
                        });
        assertThat(egressPorts(object)).contains(9000);
        assertThat(startupSeconds(teachers))
                .as("the largest model at the slowest rate arrives before the pod is killed")
                .isEqualTo(300 + (960 << 20) / (256 << 10));
    }

    private static int startupSeconds(PodTemplateSpec pod) {
        Probe startup = container(pod).getStartupProbe();
        return startup.getPeriodSeconds() * startup.getFailureThreshold();
    }

    @Test
    void aWorkerThatFetchesNothingServesWithinFiveMinutes() {
        List<HasMetadata> objects = objects(SPEC, 30);
        assertThat(startupSeconds(only(objects, StatefulSet.class).getSpec().getTemplate()))
                .isEqualTo(300);
        assertThat(startupSeconds(only(objects, Deployment.class).getSpec().getTemplate()))
                .isEqualTo(300);
    }

    @Test
    void noOtherPodHasTheSecretOfTheStore() {
        assertThat(
                        container(only(objects(SPEC, 30), Deployment.class).getSpec().getTemplate())
                                .getEnvFrom())
                .isEmpty();
        assertThat(
                        container(
                                        only(objects(SPEC, 30), StatefulSet.class)
                                                .getSpec()
                                                .getTemplate())
                                .getEnvFrom())
                .isEmpty();
        assertThat(egressPorts(SPEC)).doesNotContain(9000);
    }

    private static List<Integer> egressPorts(DistillationRunSpec spec) {
        return objects(spec, 30).stream()
                .filter(NetworkPolicy.class::isInstance)
                .map(NetworkPolicy.class::cast)
                .flatMap(policy -> policy.getSpec().getEgress().stream())
                .flatMap(rule -> rule.getPorts().stream())
                .map(port -> port.getPort().getIntVal())
                .toList();
    }

    @Test
    void gpusTakeTheCudaImageAndANodeThatHasThem() {
        DistillationRunSpec gpu =
                new DistillationRunSpec(
                        SPEC.plan(),
                        1,
                        SPEC.teachers(),
                        new RoleResources(
                                new WorkerResources(4, "16Gi", 1, "nvidia.com/gpu"),
                                SPEC.resources().teacher()),
                        SPEC.storage(),
                        SPEC.image(),
                        false);
        PodTemplateSpec students =
                only(objects(gpu, 30), StatefulSet.class).getSpec().getTemplate();
        assertThat(container(students).getImage()).isEqualTo("student-cuda");
        assertThat(container(students).getResources().getLimits().get("nvidia.com/gpu"))
                .hasToString("1");
        assertThat(students.getSpec().getTolerations()).hasSize(1);
        assertThat(students.getSpec().getVolumes())
                .filteredOn(volume -> volume.getName().equals("tmp"))
                .singleElement()
                .satisfies(tmp -> assertThat(tmp.getEmptyDir().getSizeLimit()).hasToString("12Gi"));
        assertThat(
                        container(only(objects(gpu, 30), Deployment.class).getSpec().getTemplate())
                                .getImage())
                .isEqualTo("teacher");
    }

    @Test
    void anOlderServerGetsWhatItKnows() {
        assertThat(objects(SPEC, 20).get(6).getApiVersion()).isEqualTo("policy/v1beta1");
        assertThat(objects(SPEC, 30).get(6).getApiVersion()).isEqualTo("policy/v1");
    }

    @Test
    void aTeacherReachesTheCoordinatorAndNamesOnly() {
        NetworkPolicy teacher =
                objects(SPEC, 30).stream()
                        .filter(NetworkPolicy.class::isInstance)
                        .map(NetworkPolicy.class::cast)
                        .filter(p -> p.getMetadata().getName().equals("small-teacher"))
                        .findFirst()
                        .orElseThrow();
        assertThat(teacher.getSpec().getPolicyTypes()).containsExactly("Ingress", "Egress");
        assertThat(teacher.getSpec().getEgress().get(0).getTo())
                .singleElement()
                .satisfies(
                        peer ->
                                assertThat(peer.getPodSelector().getMatchLabels())
                                        .containsEntry(RunLabels.COMPONENT, "coordinator"));
        assertThat(teacher.getSpec().getEgress().get(1).getPorts())
                .allSatisfy(port -> assertThat(port.getPort().getIntVal()).isEqualTo(53));
    }
}
