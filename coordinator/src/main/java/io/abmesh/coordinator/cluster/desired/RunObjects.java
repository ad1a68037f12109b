package io.abmesh.coordinator.cluster.desired;

import io.abmesh.coordinator.cluster.decision.WorkerMemory;
import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.WorkerResources;
import io.abmesh.objects.ObjectAddress;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.process.NativeEnvironment;
import io.abmesh.proto.trace.StepTracing;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.api.model.apps.StatefulSetBuilder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * What a run wants on the cluster: a StatefulSet of students (a name that survives a restart, and
 * one pod of a name at most), a Deployment of teachers, a Service of each, a NetworkPolicy of each
 * and a PodDisruptionBudget. Nothing here observes or acts.
 *
 * @param name of the run
 * @param owner reference to the run, with which its objects go
 * @param spec what the run is
 * @param students how many now; 0 while it stands still
 * @param teachers how many now
 * @param around what all runs share
 */
public record RunObjects(
        String name,
        OwnerReference owner,
        DistillationRunSpec spec,
        int students,
        int teachers,
        Surroundings around) {
    /** Role of students in labels: {@value}. */
    public static final String STUDENT = "student";

    /** Role of teachers in labels: {@value}. */
    public static final String TEACHER = "teacher";

    private static final String CHECKPOINT = "checkpoint";
    private static final String CHECKPOINT_PATH = "/var/lib/abmesh/checkpoint";
    private static final String CACHE_PATH = "/var/cache/abmesh";
    private static final String TLS_PATH = "/etc/abmesh/tls";
    private static final String BUILTIN = "builtin:";

    /** Where an image has the teachers that are built in. */
    private static final String BUILTIN_PATH = "/opt/abmesh/teachers/";

    /** Where a teacher keeps a model of an object store. */
    private static final String OBJECTS_PATH = CACHE_PATH + "/objects";

    /** What models of an object store take of it; a boundary cache takes 2 GiB. */
    private static final String OBJECTS_MAX_SIZE = "960M";

    /** A model of that size, at the 256 KiB a second below which a store is given up. */
    private static final int OBJECTS_FETCH_SECONDS = 960 * 4;

    private static final String CACHE_SIZE = "3Gi";

    /** Returns whether the plan has a teacher. */
    public static boolean needsTeacher(DistillationRunSpec spec) {
        return spec.plan().path("teacher").isObject();
    }

    /** Returns the name of the students' StatefulSet. */
    public static String studentsName(String run) {
        return run + "-student";
    }

    /** Returns the name of the teachers' Deployment. */
    public static String teachersName(String run) {
        return run + "-teacher";
    }

    /** Returns the selector of the students' pods in the form of a query. */
    public static String studentSelector(String run) {
        return String.join(
                ",",
                RunLabels.selector(run, STUDENT).entrySet().stream()
                        .map(label -> label.getKey() + "=" + label.getValue())
                        .sorted()
                        .toList());
    }

    /** Returns the roles of the run's workers. */
    public List<MeshRole> roles() {
        return needsTeacher(spec)
                ? List.of(MeshRole.STUDENT, MeshRole.TEACHER)
                : List.of(MeshRole.STUDENT);
    }

    /** Returns name, labels and owner of the Secret with the certificate of a role. */
    public ObjectMeta credential(MeshRole role) {
        return metadata(name + "-" + role.word(), role.word());
    }

    /**
     * Returns the objects in the order in which they are applied. The pods among them mount the
     * Secrets of {@link #credential}, which change by their own clock and are not here.
     */
    public List<HasMetadata> all() {
        List<HasMetadata> objects = new ArrayList<>();
        RunPolicies policies = new RunPolicies(this);
        objects.add(policies.network(STUDENT));
        objects.add(service(STUDENT));
        objects.add(studentSet());
        if (needsTeacher(spec)) {
            objects.add(policies.network(TEACHER));
            objects.add(service(TEACHER));
            objects.add(teacherDeployment());
        }
        objects.add(policies.disruptions());
        return objects;
    }

    ObjectMeta metadata(String object, String component) {
        return new ObjectMetaBuilder()
                .withName(object)
                .withNamespace(around.namespace())
                .withLabels(RunLabels.of(name, component))
                .withOwnerReferences(owner)
                .build();
    }

    private HasMetadata service(String component) {
        return new ServiceBuilder()
                .withMetadata(metadata(name + "-" + component, component))
                .withNewSpec()
                .withClusterIP("None")
                .withPublishNotReadyAddresses(true)
                .withSelector(RunLabels.selector(name, component))
                .addNewPort()
                .withName("grpc")
                .withPort(WorkerPod.GRPC_PORT)
                .withNewTargetPort("grpc")
                .withProtocol("TCP")
                .endPort()
                .addNewPort()
                .withName("http")
                .withPort(WorkerPod.HTTP_PORT)
                .withNewTargetPort("http")
                .withProtocol("TCP")
                .endPort()
                .endSpec()
                .build();
    }

    private HasMetadata studentSet() {
        WorkerResources resources = spec.resources().student();
        Map<String, String> selector = RunLabels.selector(name, STUDENT);
        WorkerPod pod =
                worker(STUDENT, "ABMESH_STUDENT_", resources, WorkerMemory::student)
                        .with("ABMESH_STUDENT_CHECKPOINT_DIRECTORY", CHECKPOINT_PATH)
                        .with("ABMESH_STUDENT_THREADS", Integer.toString(resources.cpu()))
                        .with("ABMESH_STUDENT_STOP_GRACE", WorkerPod.STOP_SECONDS + "s")
                        .with(NativeEnvironment.student())
                        .mount(CHECKPOINT, CHECKPOINT_PATH, false);
        return new StatefulSetBuilder()
                .withMetadata(metadata(studentsName(name), STUDENT))
                .withNewSpec()
                .withReplicas(students)
                .withServiceName(name + "-" + STUDENT)
                .withPodManagementPolicy("Parallel")
                .withNewSelector()
                .withMatchLabels(selector)
                .endSelector()
                .withTemplate(
                        pod.template(
                                image(
                                        resources,
                                        spec.image().student(),
                                        around.images().student(),
                                        around.images().studentCuda()),
                                spec.image().pullPolicy()))
                .withVolumeClaimTemplates(checkpointClaim())
                .endSpec()
                .build();
    }

    private PersistentVolumeClaim checkpointClaim() {
        return new PersistentVolumeClaimBuilder()
                .withNewMetadata()
                .withName(CHECKPOINT)
                .withLabels(RunLabels.of(name, STUDENT))
                .endMetadata()
                .withNewSpec()
                .withAccessModes("ReadWriteOnce")
                .withStorageClassName(spec.storage().className())
                .withNewResources()
                .addToRequests("storage", new Quantity(spec.storage().size()))
                .endResources()
                .endSpec()
                .build();
    }

    private HasMetadata teacherDeployment() {
        WorkerResources resources = spec.resources().teacher();
        WorkerPod pod =
                worker(TEACHER, "ABMESH_TEACHER_", resources, WorkerMemory::teacher)
                        .with("ABMESH_TEACHER_MODEL", model())
                        .with(
                                "ABMESH_TEACHER_TRUSTED",
                                Boolean.toString(
                                        spec.plan().at("/teacher/trusted").asBoolean(false)))
                        .with("ABMESH_TEACHER_ENGINE_THREADS", Integer.toString(resources.cpu()))
                        .with("ABMESH_TEACHER_CACHE_DIRECTORY", CACHE_PATH)
                        .with(NativeEnvironment.common())
                        .scratch("cache", CACHE_PATH, CACHE_SIZE);
        around.dataClaim().ifPresent(claim -> pod.claim("data", claim, Surroundings.DATA));
        if (teacherIsAnObject()) {
            pod.fetchingFirst(OBJECTS_FETCH_SECONDS)
                    .with("ABMESH_TEACHER_OBJECT_CACHE_DIRECTORY", OBJECTS_PATH)
                    .with("ABMESH_TEACHER_OBJECT_CACHE_MAX_SIZE", OBJECTS_MAX_SIZE);
            around.objects().secret().ifPresent(pod::withSecret);
        }
        return new DeploymentBuilder()
                .withMetadata(metadata(teachersName(name), TEACHER))
                .withNewSpec()
                .withReplicas(teachers)
                // One leaves before the next comes: there may be no room, or no GPU, for one more.
                .withNewStrategy()
                .withType("RollingUpdate")
                .withNewRollingUpdate()
                .withMaxSurge(new IntOrString(0))
                .withMaxUnavailable(new IntOrString(1))
                .endRollingUpdate()
                .endStrategy()
                .withNewSelector()
                .withMatchLabels(RunLabels.selector(name, TEACHER))
                .endSelector()
                .withTemplate(
                        pod.template(
                                image(
                                        resources,
                                        spec.image().teacher(),
                                        around.images().teacher(),
                                        around.images().teacherCuda()),
                                spec.image().pullPolicy()))
                .endSpec()
                .build();
    }

    private WorkerPod worker(
            String component,
            String prefix,
            WorkerResources resources,
            LongFunction<WorkerMemory> memory) {
        WorkerPod pod =
                new WorkerPod(component, RunLabels.selector(name, component), around, resources);
        around.collector()
                .ifPresent(collector -> pod.with(StepTracing.ENDPOINT, collector.endpoint()));
        return pod.with(prefix + "COORDINATOR_ADDRESS", around.coordinatorAddress())
                .with(prefix + "RUN", owner.getUid())
                .with(prefix + "HOST", "0.0.0.0")
                .with(prefix + "GRPC_PORT", Integer.toString(WorkerPod.GRPC_PORT))
                .with(prefix + "TLS_DIRECTORY", TLS_PATH)
                .secret("tls", name + "-" + component, TLS_PATH)
                .withField(prefix + "WORKER_ID", "metadata.name")
                .withField(prefix + "ADVERTISED_HOST", "status.podIP")
                .with("QUARKUS_HTTP_HOST", "0.0.0.0")
                .with("QUARKUS_HTTP_PORT", Integer.toString(WorkerPod.HTTP_PORT))
                .with(
                        "JDK_JAVA_OPTIONS",
                        String.join(" ", memory.apply(resources.memoryMebibytes()).flags()));
    }

    private static String image(
            WorkerResources resources, @Nullable String ofRun, String usual, String cuda) {
        if (ofRun != null) {
            return ofRun;
        }
        return resources.gpus() > 0 ? cuda : usual;
    }

    /** Returns whether teachers fetch their model from an object store. */
    boolean teacherIsAnObject() {
        return ObjectAddress.isMeantBy(spec.plan().at("/teacher/model").asText());
    }

    private String model() {
        String model = spec.plan().at("/teacher/model").asText();
        if (teacherIsAnObject()) {
            return model;
        }
        return model.startsWith(BUILTIN)
                ? BUILTIN_PATH + model.substring(BUILTIN.length()) + "-wrn.onnx"
                : Path.of(Surroundings.DATA).resolve(model).normalize().toString();
    }
}
