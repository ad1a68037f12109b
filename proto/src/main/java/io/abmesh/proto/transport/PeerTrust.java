package io.abmesh.proto.transport;

import io.abmesh.proto.identity.MeshIdentity;
import io.abmesh.proto.identity.MeshRole;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;

/** Trusts a server whose certificate is good and names one of the roles that are asked for. */
final class PeerTrust extends X509ExtendedTrustManager {
    private final X509ExtendedTrustManager certificates;
    private final MeshIdentity own;
    private final Set<MeshRole> peers;

    PeerTrust(X509ExtendedTrustManager certificates, MeshIdentity own, Set<MeshRole> peers) {
        this.certificates = certificates;
        this.own = own;
        this.peers = Set.copyOf(peers);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
            throws CertificateException {
        certificates.checkServerTrusted(chain, type, engine);
        checkIdentity(chain);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
            throws CertificateException {
        certificates.checkServerTrusted(chain, type, socket);
        checkIdentity(chain);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type)
            throws CertificateException {
        certificates.checkServerTrusted(chain, type);
        checkIdentity(chain);
    }

    private void checkIdentity(X509Certificate[] chain) throws CertificateException {
        Optional<String> refusal = own.refusal(MeshIdentity.of(chain[0]), peers);
        if (refusal.isPresent()) {
            throw new CertificateException("server is not who was called: " + refusal.get());
        }
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
            throws CertificateException {
        throw new CertificateException("a client's trust is of servers");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
            throws CertificateException {
        throw new CertificateException("a client's trust is of servers");
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type)
            throws CertificateException {
        throw new CertificateException("a client's trust is of servers");
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return certificates.getAcceptedIssuers();
    }
}
