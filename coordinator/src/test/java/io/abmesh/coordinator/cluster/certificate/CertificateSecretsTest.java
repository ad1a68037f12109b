package io.abmesh.coordinator.cluster.certificate;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.identity.Credential;
import io.abmesh.proto.identity.MeshIdentity;
import io.abmesh.proto.identity.MeshRole;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import java.io.StringWriter;
import java.security.interfaces.ECPrivateKey;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.util.io.pem.PemObject;
import org.junit.jupiter.api.Test;

final class CertificateSecretsTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
    private static final Duration LIFE = Duration.ofDays(30);
    private static final MeshIdentity STUDENT = MeshIdentity.of("mesh", "uid", MeshRole.STUDENT);

    private final Authority authority = Authority.make("mesh", NOW);

    private Secret secret() {
        return CertificateSecrets.of(
                new ObjectMetaBuilder().withName("student").build(),
                authority.issue(STUDENT, LIFE, NOW));
    }

    private Secret authoritySecret() {
        return CertificateSecrets.of(
                new ObjectMetaBuilder().withName("abmesh-ca").build(), authority);
    }

    @Test
    void anAuthorityIsReadAsItWasWritten() {
        Secret written = authoritySecret();
        assertThat(written.getType()).isEqualTo("kubernetes.io/tls");
        assertThat(written.getData()).containsOnlyKeys("tls.crt", "tls.key", "ca.crt");
        Authority read = CertificateSecrets.authority(written);
        assertThat(read.vouches(authority.issue(STUDENT, LIFE, NOW).certificate(), STUDENT, NOW))
                .isTrue();
        assertThat(authority.vouches(read.issue(STUDENT, LIFE, NOW).certificate(), STUDENT, NOW))
                .isTrue();
    }

    @Test
    void anAuthoritysKeyMayBeWrittenAsCertManagerDoesUnlessSaid() throws Exception {
        StringWriter text = new StringWriter();
        try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
            ECPrivateKey key = (ECPrivateKey) authority.key();
            writer.writeObject(
                    new PemObject(
                            "EC PRIVATE KEY",
                            new org.bouncycastle.asn1.sec.ECPrivateKey(
                                            256, key.getS(), SECObjectIdentifiers.secp256r1)
                                    .getEncoded()));
        }
        Secret secret =
                new SecretBuilder(authoritySecret())
                        .addToData(Credential.KEY, encoded(text.toString()))
                        .build();
        assertThat(
                        authority.vouches(
                                CertificateSecrets.authority(secret)
                                        .issue(STUDENT, LIFE, NOW)
                                        .certificate(),
                                STUDENT,
                                NOW))
                .isTrue();
    }

    @Test
    void whatIsNoAuthorityIsToldWithItsSecret() {
        assertThatThrownBy(() -> CertificateSecrets.authority(secret()))
                .hasMessage(
                        "authority of the mesh cannot be used: secret=student, cause=it may not"
                                + " issue certificates");
        Secret without = authoritySecret();
        without.getData().remove(Credential.KEY);
        assertThatThrownBy(() -> CertificateSecrets.authority(without))
                .hasMessageEndingWith("cause=there is no tls.key");
        Secret damaged =
                new SecretBuilder(authoritySecret())
                        .addToData(Credential.KEY, encoded("nothing"))
                        .build();
        assertThatThrownBy(() -> CertificateSecrets.authority(damaged))
                .hasMessageEndingWith("cause=no private key in tls.key");
    }

    @Test
    void aSecretIsCurrentWhileItsCertificateIsAndItsAuthorityIsTheOne() {
        assertThat(CertificateSecrets.current(secret(), authority, STUDENT, NOW)).isTrue();
        assertThat(CertificateSecrets.current(secret(), authority, STUDENT, NOW.plus(LIFE)))
                .isFalse();
        Secret distrusted =
                new SecretBuilder(secret())
                        .addToData(
                                Credential.AUTHORITIES,
                                CertificateSecrets.of(
                                                new ObjectMetaBuilder().build(),
                                                Authority.make("mesh", NOW))
                                        .getData()
                                        .get(Credential.AUTHORITIES))
                        .build();
        assertThat(CertificateSecrets.current(distrusted, authority, STUDENT, NOW)).isFalse();
        Secret damaged =
                new SecretBuilder(secret())
                        .addToData(Credential.CERTIFICATE, encoded("nothing"))
                        .build();
        assertThat(CertificateSecrets.current(damaged, authority, STUDENT, NOW)).isFalse();
    }

    private static String encoded(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
    }
}
