package io.abmesh.e2e.harness;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPrivateKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.Map;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.util.io.pem.PemObject;

/**
 * What cert-manager writes into the Secret of a {@code Certificate} with {@code isCA} and an ECDSA
 * key, from a self-signed issuer: {@code tls.crt}, {@code tls.key} in the form of SEC 1, which it
 * uses unless told otherwise, and {@code ca.crt}.
 */
public final class CertManagerAuthority {
    private static final Duration LIFE = Duration.ofDays(1825);

    private CertManagerAuthority() {}

    /** Returns the data of the Secret, with a key that nobody has had. */
    public static Map<String, String> secretData() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            KeyPair keys = generator.generateKeyPair();
            String certificate = pem(certificate(keys));
            return Map.of(
                    "tls.crt", certificate, "tls.key", pem(sec1(keys)), "ca.crt", certificate);
        } catch (GeneralSecurityException | OperatorCreationException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static X509Certificate certificate(KeyPair keys)
            throws GeneralSecurityException, OperatorCreationException, IOException {
        X500Principal name = new X500Principal("CN=abmesh");
        Instant now = Instant.now();
        return new JcaX509CertificateConverter()
                .getCertificate(
                        new JcaX509v3CertificateBuilder(
                                        name,
                                        new BigInteger(127, new SecureRandom()),
                                        Date.from(now),
                                        Date.from(now.plus(LIFE)),
                                        name,
                                        keys.getPublic())
                                .addExtension(
                                        Extension.keyUsage,
                                        true,
                                        new KeyUsage(
                                                KeyUsage.digitalSignature
                                                        | KeyUsage.keyEncipherment
                                                        | KeyUsage.keyCertSign))
                                .addExtension(
                                        Extension.basicConstraints,
                                        true,
                                        new BasicConstraints(true))
                                .build(
                                        new JcaContentSignerBuilder("SHA256withECDSA")
                                                .build(keys.getPrivate())));
    }

    private static PemObject sec1(KeyPair keys) throws IOException {
        DERBitString point =
                new DERBitString(
                        SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded())
                                .getPublicKeyData()
                                .getBytes());
        return new PemObject(
                "EC PRIVATE KEY",
                new org.bouncycastle.asn1.sec.ECPrivateKey(
                                256,
                                ((ECPrivateKey) keys.getPrivate()).getS(),
                                point,
                                SECObjectIdentifiers.secp256r1)
                        .getEncoded());
    }

    private static String pem(Object object) throws IOException {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
            writer.writeObject(object);
        }
        return Base64.getEncoder()
                .encodeToString(text.toString().getBytes(StandardCharsets.US_ASCII));
    }
}
