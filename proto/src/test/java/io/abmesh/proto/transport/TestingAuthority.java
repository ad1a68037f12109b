package io.abmesh.proto.transport;

import io.abmesh.proto.identity.Credential;
import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** An authority that writes credentials as the files that a process reads. */
final class TestingAuthority {
    private static final X500Principal NAME = new X500Principal("CN=authority");

    private final KeyPair keys = keys();
    private final X509Certificate certificate;

    TestingAuthority() {
        certificate = certificate(NAME, keys, Duration.ofDays(1), null);
    }

    /** Writes a credential that is valid from an hour ago to {@code left} from now. */
    Path write(Path directory, String uri, Duration left) throws IOException {
        KeyPair own = keys();
        Files.createDirectories(directory);
        X509Certificate leaf = certificate(new X500Principal("CN=process"), own, left, uri);
        pem(directory.resolve(Credential.KEY), "PRIVATE KEY", own.getPrivate().getEncoded());
        try {
            pem(directory.resolve(Credential.CERTIFICATE), "CERTIFICATE", leaf.getEncoded());
            pem(directory.resolve(Credential.AUTHORITIES), "CERTIFICATE", certificate.getEncoded());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
        return directory;
    }

    private X509Certificate certificate(
            X500Principal subject, KeyPair own, Duration left, String uri) {
        Instant now = Instant.now();
        JcaX509v3CertificateBuilder builder =
                new JcaX509v3CertificateBuilder(
                        NAME,
                        new BigInteger(64, new SecureRandom()),
                        Date.from(now.minus(Duration.ofHours(1))),
                        Date.from(now.plus(left)),
                        subject,
                        own.getPublic());
        try {
            builder.addExtension(
                    Extension.basicConstraints, true, new BasicConstraints(uri == null));
            if (uri != null) {
                builder.addExtension(
                        Extension.subjectAlternativeName,
                        false,
                        new GeneralNames(
                                new GeneralName(GeneralName.uniformResourceIdentifier, uri)));
            }
            return new JcaX509CertificateConverter()
                    .getCertificate(
                            builder.build(
                                    new JcaContentSignerBuilder("SHA256withECDSA")
                                            .build(keys.getPrivate())));
        } catch (CertIOException | OperatorCreationException | GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static KeyPair keys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(256);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void pem(Path file, String type, byte[] bytes) throws IOException {
        StringWriter text = new StringWriter();
        text.write("-----BEGIN " + type + "-----\n");
        text.write(Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes));
        text.write("\n-----END " + type + "-----\n");
        Files.writeString(file, text.toString());
    }
}
