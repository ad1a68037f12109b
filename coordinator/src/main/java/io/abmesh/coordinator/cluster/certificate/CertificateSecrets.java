package io.abmesh.coordinator.cluster.certificate;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.Credential;
import io.abmesh.proto.identity.MeshIdentity;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;

/**
 * Secrets of type {@value #TYPE}, with the authority beside: {@link Credential#CERTIFICATE}, {@link
 * Credential#KEY} and {@link Credential#AUTHORITIES}, as cert-manager makes them too.
 */
public final class CertificateSecrets {
    static final String TYPE = "kubernetes.io/tls";

    private CertificateSecrets() {}

    /** Returns the Secret of a process. */
    public static Secret of(ObjectMeta metadata, Credential credential) {
        return secret(metadata, credential.chain(), credential.key(), credential.authorities());
    }

    /** Returns the Secret of an authority. */
    public static Secret of(ObjectMeta metadata, Authority authority) {
        List<X509Certificate> own = List.of(authority.certificate());
        return secret(metadata, own, authority.key(), own);
    }

    private static Secret secret(
            ObjectMeta metadata,
            List<X509Certificate> chain,
            PrivateKey key,
            List<X509Certificate> authorities) {
        try {
            return new SecretBuilder()
                    .withMetadata(metadata)
                    .withType(TYPE)
                    .addToData(Credential.CERTIFICATE, encoded(pem(chain)))
                    .addToData(
                            Credential.KEY, encoded(pem(List.of(new JcaPKCS8Generator(key, null)))))
                    .addToData(Credential.AUTHORITIES, encoded(pem(authorities)))
                    .build();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Reads an authority, which this program or another has made; its key may be PKCS #1 or #8.
     *
     * @throws MeshException CERTIFICATE_UNUSABLE
     */
    public static Authority authority(Secret secret) {
        try {
            X509Certificate certificate = certificate(secret);
            if (certificate.getBasicConstraints() < 0) {
                throw new CertificateException("it may not issue certificates");
            }
            return new Authority(certificate, key(text(secret, Credential.KEY)));
        } catch (IOException | CertificateException e) {
            throw new MeshException(
                    ErrorReason.CERTIFICATE_UNUSABLE,
                    "authority of the mesh cannot be used: secret=%s, cause=%s"
                            .formatted(secret.getMetadata().getName(), e.getMessage()),
                    Map.of("secret", secret.getMetadata().getName()),
                    e);
        }
    }

    /** Returns whether a Secret has what the authority would issue, and it is not due. */
    public static boolean current(
            Secret secret, Authority authority, MeshIdentity identity, Instant now) {
        try {
            return authority.vouches(certificate(secret), identity, now)
                    && text(secret, Credential.AUTHORITIES)
                            .equals(pem(List.of(authority.certificate())));
        } catch (IOException | CertificateException e) {
            return false;
        }
    }

    private static X509Certificate certificate(Secret secret) throws CertificateException {
        byte[] bytes = text(secret, Credential.CERTIFICATE).getBytes(UTF_8);
        return (X509Certificate)
                CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(bytes));
    }

    private static PrivateKey key(String pem) throws IOException {
        try (PEMParser parser = new PEMParser(new StringReader(pem))) {
            Object found = parser.readObject();
            if (found instanceof PEMKeyPair pair) {
                return new JcaPEMKeyConverter().getPrivateKey(pair.getPrivateKeyInfo());
            }
            if (found instanceof PrivateKeyInfo info) {
                return new JcaPEMKeyConverter().getPrivateKey(info);
            }
            throw new IOException("no private key in " + Credential.KEY);
        }
    }

    private static String text(Secret secret, String name) throws CertificateException {
        String data = secret.getData() == null ? null : secret.getData().get(name);
        if (data == null) {
            throw new CertificateException("there is no " + name);
        }
        return new String(Base64.getDecoder().decode(data), UTF_8);
    }

    private static String pem(List<?> objects) throws IOException {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
            for (Object object : objects) {
                writer.writeObject(object);
            }
        }
        return text.toString();
    }

    private static String encoded(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
    }
}
