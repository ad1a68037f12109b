package io.abmesh.coordinator.cluster.certificate;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.Credential;
import io.abmesh.proto.identity.MeshIdentity;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * Issues the certificates of a mesh, each with a key of its own: P-256, signed with SHA-256. Peers
 * trust this authority itself, not whoever issued its certificate.
 */
public final class Authority {
    /** How long an authority is valid that is made here: ten years. */
    static final Duration LIFE = Duration.ofDays(3650);

    /** Clocks of two nodes may differ so much. */
    static final Duration SKEW = Duration.ofMinutes(5);

    private static final int SERIAL_BITS = 127;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final X509Certificate certificate;
    private final PrivateKey key;

    Authority(X509Certificate certificate, PrivateKey key) {
        this.certificate = certificate;
        this.key = key;
    }

    /** Makes an authority that vouches for itself. */
    public static Authority make(String mesh, Instant now) {
        KeyPair keys = keys();
        X500Principal name = new X500Principal("CN=abmesh " + mesh);
        JcaX509v3CertificateBuilder builder =
                new JcaX509v3CertificateBuilder(
                        name,
                        serial(),
                        Date.from(now.minus(SKEW)),
                        Date.from(now.plus(LIFE)),
                        name,
                        keys.getPublic());
        try {
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
                    .addExtension(
                            Extension.keyUsage,
                            true,
                            new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
                    .addExtension(
                            Extension.subjectKeyIdentifier,
                            false,
                            new JcaX509ExtensionUtils()
                                    .createSubjectKeyIdentifier(keys.getPublic()));
            return new Authority(signed(builder, keys.getPrivate()), keys.getPrivate());
        } catch (CertIOException | GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Issues a credential.
     *
     * @param life from {@code now} on; shorter if the authority's own ends before
     * @throws MeshException CERTIFICATE_UNUSABLE if the authority is not valid now
     */
    public Credential issue(MeshIdentity identity, Duration life, Instant now) {
        KeyPair keys = keys();
        return new Credential(
                List.of(certify(identity, keys.getPublic(), life, now)),
                keys.getPrivate(),
                List.of(certificate));
    }

    private X509Certificate certify(
            MeshIdentity identity, PublicKey subject, Duration life, Instant now) {
        Instant end = certificate.getNotAfter().toInstant();
        if (!now.isBefore(end)) {
            throw new MeshException(
                    ErrorReason.CERTIFICATE_UNUSABLE,
                    "authority of the mesh has expired: found=" + end + ", expected=after " + now,
                    Map.of("found", end.toString()));
        }
        Instant until = now.plus(life).isBefore(end) ? now.plus(life) : end;
        JcaX509v3CertificateBuilder builder =
                new JcaX509v3CertificateBuilder(
                        certificate,
                        serial(),
                        Date.from(now.minus(SKEW)),
                        Date.from(until),
                        new X500Principal("CN=abmesh " + identity.role().word()),
                        subject);
        try {
            JcaX509ExtensionUtils identifiers = new JcaX509ExtensionUtils();
            builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
                    .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
                    .addExtension(
                            Extension.extendedKeyUsage,
                            false,
                            new ExtendedKeyUsage(
                                    new KeyPurposeId[] {
                                        KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth
                                    }))
                    .addExtension(
                            Extension.authorityKeyIdentifier,
                            false,
                            identifiers.createAuthorityKeyIdentifier(certificate))
                    .addExtension(
                            Extension.subjectAlternativeName,
                            false,
                            new GeneralNames(
                                    new GeneralName(
                                            GeneralName.uniformResourceIdentifier,
                                            identity.uri().toString())));
            return signed(builder, key);
        } catch (CertIOException | GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Returns whether a certificate is this authority's word for an identity, and not due to be
     * replaced: two thirds of its life are not over.
     */
    public boolean vouches(X509Certificate issued, MeshIdentity identity, Instant now) {
        Instant from = issued.getNotBefore().toInstant();
        Duration life = Duration.between(from, issued.getNotAfter().toInstant());
        try {
            issued.verify(certificate.getPublicKey());
            return now.isBefore(from.plus(life.multipliedBy(2).dividedBy(3)))
                    && MeshIdentity.of(issued).equals(identity);
        } catch (GeneralSecurityException e) {
            return false; // it is another authority's, or names no part of a mesh
        }
    }

    X509Certificate certificate() {
        return certificate;
    }

    PrivateKey key() {
        return key;
    }

    private static BigInteger serial() {
        return new BigInteger(SERIAL_BITS, RANDOM).setBit(SERIAL_BITS);
    }

    private static KeyPair keys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(256, RANDOM);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static X509Certificate signed(JcaX509v3CertificateBuilder builder, PrivateKey by)
            throws CertificateException {
        String algorithm = by.getAlgorithm().equals("RSA") ? "SHA256withRSA" : "SHA256withECDSA";
        try {
            return new JcaX509CertificateConverter()
                    .getCertificate(
                            builder.build(new JcaContentSignerBuilder(algorithm).build(by)));
        } catch (OperatorCreationException e) {
            throw new CertificateException(e);
        }
    }
}
