package io.abmesh.proto.transport;

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

/**
 * TLS in which both ends show a certificate. A server takes calls by the role of who calls ({@link
 * Callers}); a client demands a role of its server. A new credential is for connections that begin
 * afterwards; those that are open go on with the one they began with. Thread-safe.
 */
public final class MutualTls implements MeshSecurity {
    /** Between two looks at the files. */
    static final Duration PERIOD = Duration.ofSeconds(10);

    private final MeshIdentity own;
    private final AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
    private final AdvancedTlsX509TrustManager trust;
    private final ScheduledThreadPoolExecutor clock;

    private MutualTls(String name, MeshIdentity own) {
        this.own = own;
        this.clock =
                new ScheduledThreadPoolExecutor(1, new DefaultThreadFactory(name + "-tls", true));
        try {
            // Names are not those of hosts: who a peer is, its identity says.
            this.trust =
                    AdvancedTlsX509TrustManager.newBuilder()
                            .setVerification(Verification.CERTIFICATE_ONLY_VERIFICATION)
                            .build();
        } catch (GeneralSecurityException e) {
            throw unusable(e);
        }
    }

    /**
     * Reads a credential, and reads it again whenever its files are others: {@link
     * Credential#CERTIFICATE}, {@link Credential#KEY} and {@link Credential#AUTHORITIES}. New files
     * that cannot be read are logged, and the credential stays.
     *
     * @param name prefix of the thread's name
     * @throws MeshException CERTIFICATE_UNUSABLE
     */
    public static MutualTls reading(String name, Path directory) {
        return reading(name, directory, PERIOD);
    }

    static MutualTls reading(String name, Path directory, Duration period) {
        Credential first = Credential.read(directory, Clock.systemUTC());
        MutualTls tls = new MutualTls(name, first.identity());
        try {
            var keyFiles =
                    tls.keys.updateIdentityCredentials(
                            directory.resolve(Credential.CERTIFICATE).toFile(),
                            directory.resolve(Credential.KEY).toFile(),
                            period.toMillis(),
                            TimeUnit.MILLISECONDS,
                            tls.clock);
            var authorityFile =
                    tls.trust.updateTrustCredentials(
                            directory.resolve(Credential.AUTHORITIES).toFile(),
                            period.toMillis(),
                            TimeUnit.MILLISECONDS,
                            tls.clock);
            return tls;
        } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
            tls.close();
            throw unusable(e);
        }
    }

    /**
     * Makes security of a credential that is not in files.
     *
     * @param name prefix of the thread's name
     * @throws MeshException CERTIFICATE_UNUSABLE
     */
    public static MutualTls of(String name, Credential credential) {
        MutualTls tls = new MutualTls(name, credential.identity());
        tls.renew(credential);
        return tls;
    }

    /**
     * Takes another credential of the same identity.
     *
     * @throws MeshException CERTIFICATE_UNUSABLE
     */
    public void renew(Credential credential) {
        try {
            keys.updateIdentityCredentials(
                    credential.chain().toArray(new X509Certificate[0]), credential.key());
            trust.updateTrustCredentials(credential.authorities().toArray(new X509Certificate[0]));
        } catch (IOException | GeneralSecurityException e) {
            throw unusable(e);
        }
    }

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
        clock.shutdownNow();
    }

    private static MeshException unusable(Exception cause) {
        return new MeshException(
                ErrorReason.CERTIFICATE_UNUSABLE,
                "certificate cannot be used: cause=" + cause.getMessage(),
                Map.of("cause", String.valueOf(cause.getMessage())),
                cause);
    }
}
