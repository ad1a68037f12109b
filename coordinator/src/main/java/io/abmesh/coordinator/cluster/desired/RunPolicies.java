package io.abmesh.coordinator.cluster.desired;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyEgressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyEgressRuleBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyIngressRule;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyIngressRuleBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeer;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPeerBuilder;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPort;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPortBuilder;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudgetBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Who may talk to a run's workers, and how many of them may be taken away at a time.
 *
 * <p>The arrows are those of the mesh: coordinator and students to teachers, students among
 * themselves, every worker to the coordinator and to the name service, teachers to the object store
 * that their model lies in, all of them to the collector of traces; nothing else. Metrics may be
 * read by whoever may enter the namespace's pods at the HTTP port.
 */
final class RunPolicies {
    private static final int DNS = 53;

    private final RunObjects run;

    RunPolicies(RunObjects run) {
        this.run = run;
    }

    HasMetadata network(String component) {
        boolean student = component.equals(RunObjects.STUDENT);
        return new NetworkPolicyBuilder()
                .withMetadata(run.metadata(run.name() + "-" + component, component))
                .withNewSpec()
                .withNewPodSelector()
                .withMatchLabels(RunLabels.selector(run.name(), component))
                .endPodSelector()
                .withPolicyTypes("Ingress", "Egress")
                .withIngress(
                        from(
                                List.of(peer(RunLabels.coordinator()), role(RunObjects.STUDENT)),
                                tcp(WorkerPod.GRPC_PORT)),
                        from(List.of(), tcp(WorkerPod.HTTP_PORT)))
                .withEgress(student ? studentEgress() : teacherEgress())
                .endSpec()
                .build();
    }

    private List<NetworkPolicyEgressRule> studentEgress() {
        List<NetworkPolicyEgressRule> rules = new ArrayList<>();
        rules.add(
                to(
                        List.of(
                                peer(RunLabels.coordinator()),
                                role(RunObjects.TEACHER),
                                role(RunObjects.STUDENT)),
                        tcp(WorkerPod.GRPC_PORT)));
        rules.add(names());
        traces().ifPresent(rules::add);
        return rules;
    }

    private Optional<NetworkPolicyEgressRule> traces() {
        return run.around().collector().map(collector -> to(List.of(), tcp(collector.port())));
    }

    private List<NetworkPolicyEgressRule> teacherEgress() {
        List<NetworkPolicyEgressRule> rules = new ArrayList<>();
        rules.add(to(List.of(peer(RunLabels.coordinator())), tcp(WorkerPod.GRPC_PORT)));
        rules.add(names());
        if (run.teacherIsAnObject()) {
            // Wherever it is: no selector can name what may be outside of the cluster.
            rules.add(to(List.of(), tcp(run.around().objects().port())));
        }
        traces().ifPresent(rules::add);
        return rules;
    }

    private NetworkPolicyPeer role(String component) {
        return peer(RunLabels.selector(run.name(), component));
    }

    private static NetworkPolicyPeer peer(Map<String, String> labels) {
        return new NetworkPolicyPeerBuilder()
                .withNewPodSelector()
                .withMatchLabels(labels)
                .endPodSelector()
                .build();
    }

    private static NetworkPolicyIngressRule from(
            List<NetworkPolicyPeer> peers, NetworkPolicyPort... ports) {
        return new NetworkPolicyIngressRuleBuilder().withFrom(peers).withPorts(ports).build();
    }

    private static NetworkPolicyEgressRule to(
            List<NetworkPolicyPeer> peers, NetworkPolicyPort... ports) {
        return new NetworkPolicyEgressRuleBuilder().withTo(peers).withPorts(ports).build();
    }

    private static NetworkPolicyEgressRule names() {
        return to(List.of(), port("UDP", DNS), port("TCP", DNS));
    }

    private static NetworkPolicyPort tcp(int port) {
        return port("TCP", port);
    }

    private static NetworkPolicyPort port(String protocol, int port) {
        return new NetworkPolicyPortBuilder()
                .withProtocol(protocol)
                .withPort(new IntOrString(port))
                .build();
    }

    HasMetadata disruptions() {
        // One at a time: a run goes on without any of its workers, and a node can still be drained.
        IntOrString one = new IntOrString(1);
        Map<String, String> pods =
                Map.of(RunLabels.NAME, RunLabels.ABMESH, RunLabels.RUN, run.name());
        return run.around().level().policyV1()
                ? new PodDisruptionBudgetBuilder()
                        .withMetadata(run.metadata(run.name(), RunObjects.STUDENT))
                        .withNewSpec()
                        .withMaxUnavailable(one)
                        .withNewSelector()
                        .withMatchLabels(pods)
                        .endSelector()
                        .endSpec()
                        .build()
                : new io.fabric8.kubernetes.api.model.policy.v1beta1.PodDisruptionBudgetBuilder()
                        .withMetadata(run.metadata(run.name(), RunObjects.STUDENT))
                        .withNewSpec()
                        .withMaxUnavailable(one)
                        .withNewSelector()
                        .withMatchLabels(pods)
                        .endSelector()
                        .endSpec()
                        .build();
    }
}
