package io.abmesh.proto.identity;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.grpc.util.CertificateUtils;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.Date;
import java.util.List;
import java.util.Map;

/**
 * What a process proves its identity with, and whom it believes.
 *
 * @param chain its certificate, followed by those of authorities between it and one that peers
 *     trust; not empty
 * @param key of the certificate
 * @param authorities that the process trusts; not empty
 */
public record Credential(
        List<X509Certificate> chain, PrivateKey key, List<X509Certificate> authorities) {
    /** File of the certificate and its chain, PEM: {@value}. The names are those of Kubernetes. */
    public static final String CERTIFICATE = "tls.crt";

    /** File of the private key, PEM, PKCS #8: {@value}. */
    public static final String KEY = "tls.key";

    /** File of the authorities, PEM: {@value}. */
    public static final String AUTHORITIES = "ca.crt";

    public Credential {
        chain = List.copyOf(chain);
        authorities = List.copyOf(authorities);
        if (chain.isEmpty() || authorities.isEmpty()) {
            throw new IllegalArgumentException("a credential needs a certificate and an authority");
        }
    }

    /**
     * Reads {@value #CERTIFICATE}, {@value #KEY} and {@value #AUTHORITIES}.
     *
     * @throws MeshException CERTIFICATE_UNUSABLE if a file is missing or is not what its name says,
     *     or the certificate names no part of a mesh or is not valid now, or the key is not its own
     */
    public static Credential read(Path directory, Clock clock) {
        List<X509Certificate> chain = certificates(directory.resolve(CERTIFICATE));
        List<X509Certificate> authorities = certificates(directory.resolve(AUTHORITIES));
        PrivateKey key = read(directory.resolve(KEY), CertificateUtils::getPrivateKey);
        Credential read = new Credential(chain, key, authorities);
        try {
            read.certificate().checkValidity(Date.from(clock.instant()));
        } catch (CertificateExpiredException e) {
            throw unusable(directory.resolve(CERTIFICATE), "it has expired: " + read.validity());
        } catch (CertificateNotYetValidException e) {
            throw unusable(
                    directory.resolve(CERTIFICATE), "it is not valid yet: " + read.validity());
        }
        if (!read.keyFits()) {
            throw unusable(
                    directory.resolve(KEY),
                    "it is not the key of " + directory.resolve(CERTIFICATE));
        }
        try {
            MeshIdentity.of(read.certificate());
        } catch (CertificateException e) {
            throw unusable(directory.resolve(CERTIFICATE), String.valueOf(e.getMessage()));
        }
        return read;
    }

    /** Returns the certificate of the process. */
    public X509Certificate certificate() {
        return chain.get(0);
    }

    /**
     * Returns who the process is.
     *
     * @throws IllegalStateException if the certificate names no part of a mesh
     */
    public MeshIdentity identity() {
        try {
            return MeshIdentity.of(certificate());
        } catch (CertificateException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Returns whether what the key signs, the certificate's key verifies. */
    private boolean keyFits() {
        try {
            Signature signature = Signature.getInstance("SHA256with" + algorithm());
            byte[] text = certificate().getTBSCertificate();
            signature.initSign(key);
            signature.update(text);
            byte[] signed = signature.sign();
            signature.initVerify(certificate().getPublicKey());
            signature.update(text);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private String algorithm() {
        return key.getAlgorithm().equals("EC") ? "ECDSA" : key.getAlgorithm();
    }

    private String validity() {
        return certificate().getNotBefore().toInstant()
                + " to "
                + certificate().getNotAfter().toInstant();
    }

    private static List<X509Certificate> certificates(Path file) {
        return read(
                file,
                input -> {
                    X509Certificate[] read = CertificateUtils.getX509Certificates(input);
                    if (read.length == 0) {
                        throw new CertificateException("no certificate in it");
                    }
                    return List.of(read);
                });
    }

    private interface Parser<T> {
        T parse(InputStream input) throws IOException, GeneralSecurityException;
    }

    private static <T> T read(Path file, Parser<T> parser) {
        try (InputStream input = Files.newInputStream(file)) {
            return parser.parse(input);
        } catch (NoSuchFileException e) {
            throw unusable(file, "it is not there");
        } catch (IOException | GeneralSecurityException | RuntimeException e) {
            throw unusable(file, String.valueOf(e.getMessage()));
        }
    }

    private static MeshException unusable(Path file, String cause) {
        return new MeshException(
                ErrorReason.CERTIFICATE_UNUSABLE,
                "certificate cannot be used: file=" + file + ", cause=" + cause,
                Map.of("file", file.toString(), "cause", cause));
    }
}
