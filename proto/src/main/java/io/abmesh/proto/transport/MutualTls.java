package io.abmesh.proto.transport;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.Credential;
import io.abmesh.proto.identity.MeshIdentity;
import io.abmesh.proto.identity.MeshRole;
import io.grpc.ChannelCredentials;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.grpc.TlsServerCredentials.ClientAuth;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.grpc.util.AdvancedTlsX509TrustManager;
import io.grpc.util.AdvancedTlsX509TrustManager.Verification;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * TLS in which both ends show a certificate. A server takes calls by the role of who calls ({@link
 * Callers}); a client demands a role of its server. A new credential is for connections that begin
 * afterwards; those that are open go on with the one they began with. Thread-safe.
 */
public final class MutualTls implements MeshSecurity {
    /** Between two looks at the files. */
    static final Duration PERIOD = Duration.ofSeconds(10);

    private static final Logger LOG = System.getLogger(MutualTls.class.getName());

    private final MeshIdentity own;
    private final AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
    private final AdvancedTlsX509TrustManager trust;
    private final Object lock = new Object();
    private @Nullable ScheduledThreadPoolExecutor clock;

    @GuardedBy("lock")
    private Credential current;

    private MutualTls(Credential credential) {
        this.own = credential.identity();
        this.current = credential;
        try {
            // Names are not those of hosts: who a peer is, its identity says.
            this.trust =
                    AdvancedTlsX509TrustManager.newBuilder()
                            .setVerification(Verification.CERTIFICATE_ONLY_VERIFICATION)
                            .build();
        } catch (GeneralSecurityException e) {
            throw unusable(String.valueOf(e.getMessage()), e);
        }
        show(credential);
    }

    /**
     * Makes security of a credential that is not in files.
     *
     * @throws MeshException CERTIFICATE_UNUSABLE
     */
    public static MutualTls of(Credential credential) {
        return new MutualTls(credential);
    }

    /**
     * Reads a credential, and reads it again every {@link #PERIOD}. New files that cannot be used
     * are logged, and the credential stays.
     *
     * @param role that the certificate must name
     * @throws MeshException CERTIFICATE_UNUSABLE
     */
    public static MutualTls reading(MeshRole role, Path directory) {
        Credential first = Credential.read(directory, Clock.systemUTC());
        if (first.identity().role() != role) {
            throw unusable(
                    "it is of another role: directory=%s, found=%s, expected=%s"
                            .formatted(directory, first.identity().uri(), role.word()),
                    null);
        }
        MutualTls tls = new MutualTls(first);
        tls.follow(directory, role.word());
        return tls;
    }

    private void follow(Path directory, String name) {
        ScheduledThreadPoolExecutor thread =
                new ScheduledThreadPoolExecutor(1, new DefaultThreadFactory(name + "-tls", true));
        clock = thread;
        var unused =
                thread.scheduleWithFixedDelay(
                        () -> look(directory),
                        PERIOD.toMillis(),
                        PERIOD.toMillis(),
                        TimeUnit.MILLISECONDS);
    }

    /** Takes what the files hold now, if it can be used. */
    void look(Path directory) {
        try {
            renew(Credential.read(directory, Clock.systemUTC()));
        } catch (RuntimeException e) {
            LOG.log(Level.WARNING, "New certificate is not taken cause={0}", e.getMessage());
        }
    }

    /**
     * Takes another credential of the same identity; does nothing for the one that it has.
     *
     * @throws MeshException CERTIFICATE_UNUSABLE, also for another identity
     */
    public void renew(Credential credential) {
        if (!credential.identity().equals(own)) {
            throw unusable(
                    "it is of another: found=%s, expected=%s"
                            .formatted(credential.identity().uri(), own.uri()),
                    null);
        }
        synchronized (lock) {
            if (credential.equals(current)) {
                return;
            }
            show(credential);
            current = credential;
        }
        LOG.log(
                Level.INFO,
                "Certificate is renewed identity={0} until={1}",
                own.uri(),
                credential.certificate().getNotAfter().toInstant());
    }

    private void show(Credential credential) {
        try {
            keys.updateIdentityCredentials(
                    credential.chain().toArray(new X509Certificate[0]), credential.key());
            trust.updateTrustCredentials(credential.authorities().toArray(new X509Certificate[0]));
        } catch (IOException | GeneralSecurityException e) {
            throw unusable(String.valueOf(e.getMessage()), e);
        }
    }

    @Override
    public void require(String host) {}

    @Override
    public ServerCredentials server() {
        return TlsServerCredentials.newBuilder()
                .keyManager(keys)
                .trustManager(trust)
                .clientAuth(ClientAuth.REQUIRE)
                .build();
    }

    @Override
    public List<ServerInterceptor> guards() {
        return List.of(new Callers(own));
    }

    @Override
    public ChannelCredentials channel(Set<MeshRole> peers) {
        return TlsChannelCredentials.newBuilder()
                .keyManager(keys)
                .trustManager(new PeerTrust(trust, own, peers))
                .build();
    }

    @Override
    public void close() {
        if (clock != null) {
            clock.shutdownNow();
        }
    }

    private static MeshException unusable(String why, @Nullable Exception cause) {
        return new MeshException(
                ErrorReason.CERTIFICATE_UNUSABLE,
                "certificate cannot be used: cause=" + why,
                Map.of("cause", why),
                cause);
    }
}
