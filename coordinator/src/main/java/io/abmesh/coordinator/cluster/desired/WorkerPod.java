package io.abmesh.coordinator.cluster.desired;

import io.abmesh.coordinator.cluster.resource.ImageSpec;
import io.abmesh.coordinator.cluster.resource.WorkerResources;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerBuilder;
import io.fabric8.kubernetes.api.model.EnvFromSource;
import io.fabric8.kubernetes.api.model.EnvFromSourceBuilder;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.EnvVarBuilder;
import io.fabric8.kubernetes.api.model.PodSpecBuilder;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpecBuilder;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.ProbeBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.TolerationBuilder;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeBuilder;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.VolumeMountBuilder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Pod template of one role. What both roles share stands here: no privileges, a read-only root, no
 * token for the API server, one container that speaks gRPC and tells its health over HTTP.
 */
final class WorkerPod {
    /** Port of gRPC of every worker: {@value}. */
    static final int GRPC_PORT = 7700;

    /** Port of metrics and of health over HTTP: {@value}. */
    static final int HTTP_PORT = 8080;

    /** User and group that containers run as; the images have it too. */
    static final long USER = 65_532;

    /** Mode of a file that user and group may read, and nobody else. */
    private static final int GROUP_READS = 0440;

    private static final String GRPC = "grpc";
    private static final String HTTP = "http";

    /** Says whether the worker takes calls; a kubelet has no certificate to call it with. */
    private static final String HEALTH = "/q/health/ready";

    /** A model is loaded and ND4J is started before a worker serves. */
    private static final int STARTUP_PERIOD_SECONDS = 5;

    private static final int STARTUP_SECONDS = 300;
    private static final int PROBE_PERIOD_SECONDS = 10;
    private static final int PROBE_TIMEOUT_SECONDS = 5;
    private static final int PROBE_FAILURES = 6;

    /** What a student takes to end the step in hand and publish a checkpoint at most. */
    static final long STOP_SECONDS = 45;

    /** Longer than that by what a worker takes to close what it has open. */
    private static final long GRACE_SECONDS = STOP_SECONDS + 15;

    private final String component;
    private final Map<String, String> labels;
    private final Surroundings around;
    private final WorkerResources resources;
    private final List<EnvVar> environment = new ArrayList<>();
    private final List<EnvFromSource> secrets = new ArrayList<>();
    private final List<Volume> volumes = new ArrayList<>();
    private final List<VolumeMount> mounts = new ArrayList<>();
    private int startupSeconds = STARTUP_SECONDS;

    WorkerPod(
            String component,
            Map<String, String> labels,
            Surroundings around,
            WorkerResources resources) {
        this.component = component;
        this.labels = labels;
        this.around = around;
        this.resources = resources;
        // Native libraries are unpacked there: those of ND4J take most of it, and of CUDA more.
        scratch("tmp", "/tmp", resources.gpus() > 0 ? "12Gi" : "2Gi");
    }

    /** Has the worker fetch something for so long at most before it serves. */
    WorkerPod fetchingFirst(int seconds) {
        startupSeconds = STARTUP_SECONDS + seconds;
        return this;
    }

    /** Sets a variable of the environment. */
    WorkerPod with(String name, String value) {
        environment.add(new EnvVarBuilder().withName(name).withValue(value).build());
        return this;
    }

    /** Sets variables, in the order of their names. */
    WorkerPod with(Map<String, String> variables) {
        new TreeMap<>(variables).forEach(this::with);
        return this;
    }

    /** Sets a variable to a field of the pod. */
    WorkerPod withField(String name, String field) {
        environment.add(
                new EnvVarBuilder()
                        .withName(name)
                        .withNewValueFrom()
                        .withNewFieldRef()
                        .withApiVersion("v1")
                        .withFieldPath(field)
                        .endFieldRef()
                        .endValueFrom()
                        .build());
        return this;
    }

    /** Sets a variable for each entry of a Secret, if the namespace has it. */
    WorkerPod withSecret(String name) {
        secrets.add(
                new EnvFromSourceBuilder()
                        .withNewSecretRef()
                        .withName(name)
                        .withOptional(true)
                        .endSecretRef()
                        .build());
        return this;
    }

    /** Mounts a folder on the node's disk that ends with the pod. */
    WorkerPod scratch(String name, String path, String size) {
        volumes.add(
                new VolumeBuilder()
                        .withName(name)
                        .withNewEmptyDir()
                        .withSizeLimit(new Quantity(size))
                        .endEmptyDir()
                        .build());
        return mount(name, path, false);
    }

    /** Mounts a claim to be read. */
    WorkerPod claim(String name, String claim, String path) {
        volumes.add(
                new VolumeBuilder()
                        .withName(name)
                        .withNewPersistentVolumeClaim(claim, true)
                        .build());
        return mount(name, path, true);
    }

    /** Mounts a Secret to be read by the container's group. */
    WorkerPod secret(String name, String secret, String path) {
        volumes.add(
                new VolumeBuilder()
                        .withName(name)
                        .withNewSecret()
                        .withSecretName(secret)
                        .withDefaultMode(GROUP_READS)
                        .endSecret()
                        .build());
        return mount(name, path, true);
    }

    /** Mounts a volume that is declared elsewhere. */
    WorkerPod mount(String name, String path, boolean readOnly) {
        mounts.add(
                new VolumeMountBuilder()
                        .withName(name)
                        .withMountPath(path)
                        .withReadOnly(readOnly ? true : null)
                        .build());
        return this;
    }

    PodTemplateSpec template(String image, ImageSpec.PullPolicy pull) {
        PodSpecBuilder spec =
                new PodSpecBuilder()
                        .withAutomountServiceAccountToken(false)
                        .withEnableServiceLinks(false)
                        .withTerminationGracePeriodSeconds(GRACE_SECONDS)
                        .withNewSecurityContext()
                        .withRunAsNonRoot(true)
                        .withRunAsUser(USER)
                        .withRunAsGroup(USER)
                        .withFsGroup(USER)
                        .withNewSeccompProfile()
                        .withType("RuntimeDefault")
                        .endSeccompProfile()
                        .endSecurityContext()
                        .addNewTopologySpreadConstraint()
                        .withMaxSkew(1)
                        .withTopologyKey("kubernetes.io/hostname")
                        .withWhenUnsatisfiable("ScheduleAnyway")
                        .withNewLabelSelector()
                        .withMatchLabels(labels)
                        .endLabelSelector()
                        .endTopologySpreadConstraint()
                        .withContainers(container(image, pull))
                        .withVolumes(volumes);
        around.priorityClass().ifPresent(spec::withPriorityClassName);
        if (resources.gpus() > 0) {
            spec.addToTolerations(
                    new TolerationBuilder()
                            .withKey(resources.gpuResource())
                            .withOperator("Exists")
                            .withEffect("NoSchedule")
                            .build());
        }
        return new PodTemplateSpecBuilder()
                .withNewMetadata()
                .withLabels(labels)
                .endMetadata()
                .withSpec(spec.build())
                .build();
    }

    private Container container(String image, ImageSpec.PullPolicy pull) {
        Map<String, Quantity> requests = new HashMap<>();
        requests.put("cpu", new Quantity(Integer.toString(resources.cpu())));
        requests.put("memory", new Quantity(resources.memory()));
        Map<String, Quantity> limits = new HashMap<>();
        limits.put("memory", new Quantity(resources.memory()));
        if (resources.gpus() > 0) {
            Quantity gpus = new Quantity(Integer.toString(resources.gpus()));
            requests.put(resources.gpuResource(), gpus);
            limits.put(resources.gpuResource(), gpus);
        }
        return new ContainerBuilder()
                .withName(component)
                .withImage(image)
                .withImagePullPolicy(pull.name())
                .withEnv(environment)
                .withEnvFrom(secrets)
                .addNewPort()
                .withName(GRPC)
                .withContainerPort(GRPC_PORT)
                .withProtocol("TCP")
                .endPort()
                .addNewPort()
                .withName(HTTP)
                .withContainerPort(HTTP_PORT)
                .withProtocol("TCP")
                .endPort()
                .withNewResources()
                .withRequests(requests)
                .withLimits(limits)
                .endResources()
                .withStartupProbe(
                        probe(STARTUP_PERIOD_SECONDS, startupSeconds / STARTUP_PERIOD_SECONDS))
                .withReadinessProbe(probe(PROBE_PERIOD_SECONDS, 1))
                .withLivenessProbe(probe(PROBE_PERIOD_SECONDS, PROBE_FAILURES))
                .withNewSecurityContext()
                .withAllowPrivilegeEscalation(false)
                .withReadOnlyRootFilesystem(true)
                .withNewCapabilities()
                .withDrop("ALL")
                .endCapabilities()
                .endSecurityContext()
                .withVolumeMounts(mounts)
                .build();
    }

    private static Probe probe(int periodSeconds, int failures) {
        return new ProbeBuilder()
                .withPeriodSeconds(periodSeconds)
                .withTimeoutSeconds(PROBE_TIMEOUT_SECONDS)
                .withFailureThreshold(failures)
                .withNewHttpGet()
                .withPath(HEALTH)
                .withNewPort(HTTP)
                .endHttpGet()
                .build();
    }
}
