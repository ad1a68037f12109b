package io.abmesh.coordinator.cluster.operator;

import static java.net.HttpURLConnection.HTTP_CONFLICT;

import io.abmesh.coordinator.cluster.certificate.Authority;
import io.abmesh.coordinator.cluster.certificate.CertificateSecrets;
import io.abmesh.coordinator.cluster.desired.RunLabels;
import io.abmesh.coordinator.cluster.desired.RunObjects;
import io.abmesh.proto.identity.Credential;
import io.abmesh.proto.identity.MeshIdentity;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.MutualTls;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import org.jboss.logging.Logger;

/**
 * Sees to it that every part of the mesh has a certificate that is not about to expire: the
 * coordinator in memory, workers and people in Secrets. The namespace is the name of the mesh.
 *
 * <p>Each method may throw {@link KubernetesClientException}, and MeshException
 * CERTIFICATE_UNUSABLE for an authority that cannot be used; it is then called again. Used by one
 * thread once it is made.
 */
public final class MeshCertificates implements AutoCloseable {
    /** Secret of the authority; made if there is none: {@value}. */
    public static final String AUTHORITY = "abmesh-ca";

    /** Secret for people with the command line: {@value}. */
    public static final String CLIENT = "abmesh-client";

    private static final Logger LOG = Logger.getLogger(MeshCertificates.class);

    private final ClusterClient cluster;
    private final String namespace;
    private final Duration life;
    private final Clock clock;
    private final MutualTls security;
    private Credential own;

    /**
     * Has the coordinator's own certificate issued.
     *
     * @param cluster borrowed
     * @param life of a certificate; it is replaced at two thirds
     */
    public MeshCertificates(ClusterClient cluster, String namespace, Duration life, Clock clock) {
        this.cluster = cluster;
        this.namespace = namespace;
        this.life = life;
        this.clock = clock;
        this.own = authority().issue(coordinator(), life, clock.instant());
        this.security = MutualTls.of(own);
    }

    private MeshIdentity coordinator() {
        return MeshIdentity.of(namespace, MeshRole.COORDINATOR);
    }

    /** Returns what the coordinator shows and demands; ends with this. */
    public MeshSecurity security() {
        return security;
    }

    /** Replaces the coordinator's own certificate if it is due, or of another authority. */
    void keepOwn() {
        Authority authority = authority();
        if (!authority.vouches(own.certificate(), coordinator(), clock.instant())) {
            own = authority.issue(coordinator(), life, clock.instant());
            security.renew(own);
        }
    }

    /** Replaces the people's certificate likewise. */
    void keepClient() {
        keep(
                authority(),
                metadata(CLIENT, MeshRole.CLIENT.word()),
                MeshIdentity.of(namespace, MeshRole.CLIENT));
    }

    /**
     * Replaces the certificates of a run's workers likewise.
     *
     * @param uid of the run
     */
    void keepWorkers(RunObjects objects, String uid) {
        Authority authority = authority();
        for (MeshRole role : objects.roles()) {
            keep(authority, objects.credential(role), MeshIdentity.of(namespace, uid, role));
        }
    }

    private void keep(Authority authority, ObjectMeta metadata, MeshIdentity identity) {
        Optional<Secret> there = cluster.secret(metadata.getName());
        if (there.isPresent() && !RunLabels.isManaged(there.get())) {
            return; // somebody else sees to it
        }
        if (there.isPresent()
                && CertificateSecrets.current(there.get(), authority, identity, clock.instant())) {
            return;
        }
        cluster.apply(
                CertificateSecrets.of(metadata, authority.issue(identity, life, clock.instant())));
        LOG.infof(
                "Certificate is issued secret=%s identity=%s", metadata.getName(), identity.uri());
    }

    private Authority authority() {
        return CertificateSecrets.authority(
                cluster.secret(AUTHORITY).orElseGet(this::makeAuthority));
    }

    private Secret makeAuthority() {
        Secret made =
                CertificateSecrets.of(
                        metadata(AUTHORITY, "authority"),
                        Authority.make(namespace, clock.instant()));
        try {
            Secret created = cluster.create(made);
            LOG.infof("Authority is made secret=%s", AUTHORITY);
            return created;
        } catch (KubernetesClientException e) {
            // Another coordinator was first.
            return Optional.of(e)
                    .filter(failure -> failure.getCode() == HTTP_CONFLICT)
                    .flatMap(failure -> cluster.secret(AUTHORITY))
                    .orElseThrow(() -> e);
        }
    }

    private ObjectMeta metadata(String name, String component) {
        return new ObjectMetaBuilder()
                .withName(name)
                .withNamespace(namespace)
                .withLabels(RunLabels.managed())
                .addToLabels(RunLabels.COMPONENT, component)
                .build();
    }

    @Override
    public void close() {
        security.close();
    }
}
