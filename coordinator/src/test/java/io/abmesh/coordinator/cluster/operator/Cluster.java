package io.abmesh.coordinator.cluster.operator;

import io.abmesh.coordinator.cluster.desired.RunLabels;
import io.abmesh.coordinator.cluster.desired.Surroundings;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.DistillationRunStatus;
import io.abmesh.coordinator.cluster.resource.RunPhase;
import io.abmesh.coordinator.plan.PlanDocument;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.run.TestingClock;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.kube.ApiServer;
import io.abmesh.kube.TestingKubelet;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.rbac.RoleBinding;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.dsl.Resource;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/**
 * A namespace of a real API server with a kubelet's double and operators that run under the Role
 * that {@code deploy/} ships.
 */
final class Cluster implements AutoCloseable {
    private static final Path ROOT = Path.of(System.getProperty("abmesh.root"));
    private static final long LIMIT_SECONDS = 60;
    private static final Duration PERIOD = Duration.ofMillis(200);
    private static final Duration LEASE = Duration.ofSeconds(3);

    /** How long a certificate is valid. */
    static final Duration LIFE = Duration.ofDays(30);

    final TestingMeshRuns mesh = new TestingMeshRuns();
    final TestingClock clock = new TestingClock();
    final RequestLog log = new RequestLog();
    final KubernetesClient admin;
    final String namespace;
    private final ApiServer server;
    private final Deque<Runnable> opened = new ArrayDeque<>();

    Cluster(ApiServer server, String namespace) throws IOException {
        this.server = server;
        this.namespace = namespace;
        this.admin = server.client();
        opened.push(admin::close);
        admin.resource(
                        new NamespaceBuilder()
                                .withNewMetadata()
                                .withName(namespace)
                                .endMetadata()
                                .build())
                .create();
        try (InputStream rbac =
                Files.newInputStream(ROOT.resolve("deploy/kubernetes/base/rbac.yaml"))) {
            for (HasMetadata object : admin.load(rbac).items()) {
                if (object instanceof RoleBinding binding) {
                    binding.getSubjects().forEach(subject -> subject.setNamespace(namespace));
                }
                admin.resource(object).inNamespace(namespace).create();
            }
        }
        TestingKubelet kubelet =
                new TestingKubelet(
                        admin, namespace, TestingKubelet.Containers.NONE, Clock.systemUTC());
        opened.push(kubelet::close);
    }

    /** Makes the definition of the resource known to a server. */
    static void define(ApiServer server) throws IOException {
        try (KubernetesClient admin = server.client();
                InputStream definition =
                        Files.newInputStream(
                                ROOT.resolve(
                                        "deploy/kubernetes/crd/distillationruns.abmesh.io.yaml"))) {
            admin.load(definition).create();
            admin.apiextensions()
                    .v1()
                    .customResourceDefinitions()
                    .withName("distillationruns.abmesh.io")
                    .waitUntilCondition(
                            crd ->
                                    crd != null
                                            && crd.getStatus() != null
                                            && crd.getStatus().getConditions() != null
                                            && crd.getStatus().getConditions().stream()
                                                    .anyMatch(
                                                            c ->
                                                                    c.getType()
                                                                                    .equals(
                                                                                            "Established")
                                                                            && c.getStatus()
                                                                                    .equals(
                                                                                            "True")),
                            LIMIT_SECONDS,
                            TimeUnit.SECONDS);
        }
    }

    /** Returns a client with the rights of the coordinator, whose requests are logged. */
    KubernetesClient coordinator() {
        KubernetesClient client =
                new KubernetesClientBuilder()
                        .withConfig(
                                server.config()
                                        .withImpersonateUsername(
                                                "system:serviceaccount:%s:abmesh-coordinator"
                                                        .formatted(namespace))
                                        .build())
                        .withHttpClientBuilderConsumer(
                                builder -> builder.addOrReplaceInterceptor("log", log))
                        .build();
        opened.push(client::close);
        return client;
    }

    /** Starts an operator of one run at a time. */
    Operator operator(String identity) {
        return operator(identity, 1);
    }

    /** Starts an operator of so many runs at a time. */
    Operator operator(String identity, int maxParallelRuns) {
        return operator(identity, maxParallelRuns, PERIOD);
    }

    /** Starts an operator that looks so often at runs that go on. */
    Operator operator(String identity, int maxParallelRuns, Duration period) {
        KubernetesClient client = coordinator();
        ClusterClient requests = new ClusterClient(client, namespace, clock, identity);
        MeshCertificates certificates = new MeshCertificates(requests, namespace, LIFE, clock);
        Operator operator =
                new Operator(
                        client,
                        requests,
                        mesh,
                        certificates,
                        level ->
                                new Surroundings(
                                        namespace,
                                        "abmesh-coordinator:7700",
                                        new Surroundings.Images(
                                                "student:1",
                                                "teacher:1",
                                                "student:1-cuda",
                                                "teacher:1-cuda"),
                                        Optional.of("data"),
                                        new Surroundings.Objects(Optional.empty(), 443),
                                        Optional.empty(),
                                        Optional.empty(),
                                        level),
                        new Operator.Settings(
                                namespace, identity, "store", maxParallelRuns, period, LEASE),
                        clock);
        opened.push(operator::close);
        operator.start();
        return operator;
    }

    static DistillationRunSpec spec() {
        return DistillationRunSpec.of(
                PlanDocument.of(PlanReader.read(TestingPlans.distilled(), List.of()).plan()));
    }

    /** Makes a run, as {@code kubectl apply} does; returns its uid. */
    String apply(String name, DistillationRunSpec spec) {
        DistillationRun run = new DistillationRun();
        run.setMetadata(new ObjectMetaBuilder().withName(name).withNamespace(namespace).build());
        run.setSpec(spec);
        return admin.resource(run).create().getMetadata().getUid();
    }

    Resource<DistillationRun> run(String name) {
        return admin.resources(DistillationRun.class).inNamespace(namespace).withName(name);
    }

    void edit(String name, UnaryOperator<DistillationRunSpec> change) {
        run(name)
                .edit(
                        run -> {
                            run.setSpec(change.apply(run.getSpec()));
                            return run;
                        });
    }

    /** Waits until the status of a run is as wanted, for its newest spec. */
    DistillationRunStatus await(String name, Predicate<DistillationRunStatus> wanted) {
        return run(name)
                .waitUntilCondition(
                        run ->
                                run != null
                                        && run.getStatus() != null
                                        && run.getStatus().observedGeneration()
                                                == run.getMetadata().getGeneration()
                                        && wanted.test(run.getStatus()),
                        LIMIT_SECONDS,
                        TimeUnit.SECONDS)
                .getStatus();
    }

    DistillationRunStatus await(String name, RunPhase phase) {
        return await(name, status -> status.phase() == phase);
    }

    /** Waits until a run has exactly so many ready workers. */
    DistillationRunStatus awaitWorkers(String name, int students, int teachers) {
        return await(
                name,
                status ->
                        status.workers().studentsReady() == students
                                && status.workers().students() == students
                                && status.workers().teachersReady() == teachers
                                && status.workers().teachers() == teachers);
    }

    void awaitGone(String name) {
        run(name).waitUntilCondition(run -> run == null, LIMIT_SECONDS, TimeUnit.SECONDS);
    }

    /** Returns kind and name of everything that runs have made, pods not counted. */
    List<String> objects() {
        return List.of(
                        admin.apps().statefulSets().inNamespace(namespace).list().getItems(),
                        admin.apps().deployments().inNamespace(namespace).list().getItems(),
                        admin.services().inNamespace(namespace).list().getItems(),
                        admin.network()
                                .v1()
                                .networkPolicies()
                                .inNamespace(namespace)
                                .list()
                                .getItems(),
                        admin.policy()
                                .v1beta1()
                                .podDisruptionBudget()
                                .inNamespace(namespace)
                                .list()
                                .getItems(),
                        admin.persistentVolumeClaims().inNamespace(namespace).list().getItems(),
                        admin.secrets()
                                .inNamespace(namespace)
                                .withLabel(RunLabels.RUN)
                                .list()
                                .getItems())
                .stream()
                .flatMap(List::stream)
                .map(object -> object.getKind() + "/" + object.getMetadata().getName())
                .sorted()
                .toList();
    }

    /** Returns a Secret; null if there is none. */
    Secret secret(String name) {
        return admin.secrets().inNamespace(namespace).withName(name).get();
    }

    /** Returns the reasons of the events of a run, in the order in which they were told. */
    List<String> events(String name) {
        return admin.v1().events().inNamespace(namespace).list().getItems().stream()
                .filter(event -> event.getInvolvedObject().getName().equals(name))
                .filter(event -> "abmesh-coordinator".equals(event.getReportingComponent()))
                .sorted(
                        Comparator.comparing(
                                event -> Long.parseLong(event.getMetadata().getResourceVersion())))
                .map(Event::getReason)
                .toList();
    }

    static Condition condition(DistillationRunStatus status, String type) {
        return status.conditions().stream()
                .filter(c -> c.getType().equals(type))
                .findFirst()
                .orElseThrow();
    }

    @Override
    public void close() {
        while (!opened.isEmpty()) {
            opened.pop().run();
        }
    }
}
