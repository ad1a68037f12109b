package io.abmesh.coordinator.cluster.certificate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.identity.Credential;
import io.abmesh.proto.identity.MeshIdentity;
import io.abmesh.proto.identity.MeshRole;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

final class AuthorityTest {
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
    private static final Duration LIFE = Duration.ofDays(30);
    private static final MeshIdentity STUDENT = MeshIdentity.of("mesh", "uid", MeshRole.STUDENT);
    private static final MeshIdentity TEACHER = MeshIdentity.of("mesh", "uid", MeshRole.TEACHER);

    private final Authority authority = Authority.make("mesh", NOW);

    @Test
    void aCertificateNamesAPartOfTheMeshAndIsGoodForBothEndsOfAConnection() throws Exception {
        Credential issued = authority.issue(STUDENT, LIFE, NOW);
        X509Certificate certificate = issued.certificate();
        certificate.verify(authority.certificate().getPublicKey());
        assertThat(issued.identity()).isEqualTo(STUDENT);
        assertThat(certificate.getBasicConstraints()).as("it is no authority").isEqualTo(-1);
        assertThat(certificate.getExtendedKeyUsage())
                .containsExactlyInAnyOrder("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
        assertThat(certificate.getNotBefore().toInstant()).isEqualTo(NOW.minus(Authority.SKEW));
        assertThat(certificate.getNotAfter().toInstant()).isEqualTo(NOW.plus(LIFE));
        assertThat(issued.authorities()).containsExactly(authority.certificate());
        assertThat(authority.issue(STUDENT, LIFE, NOW).key())
                .as("another has another key")
                .isNotEqualTo(issued.key());
    }

    @Test
    void vouchesForItsOwnUntilTwoThirdsOfALifeAreOver() {
        X509Certificate issued = authority.issue(STUDENT, LIFE, NOW).certificate();
        assertThat(authority.vouches(issued, STUDENT, NOW.plus(Duration.ofDays(19)))).isTrue();
        assertThat(authority.vouches(issued, STUDENT, NOW.plus(Duration.ofDays(20)))).isFalse();
        assertThat(authority.vouches(issued, TEACHER, NOW)).isFalse();
        assertThat(Authority.make("mesh", NOW).vouches(issued, STUDENT, NOW)).isFalse();
    }

    @Test
    void nothingOutlivesTheAuthorityAndAnExpiredOneIssuesNothing() {
        Instant end = authority.certificate().getNotAfter().toInstant();
        X509Certificate last =
                authority.issue(STUDENT, LIFE, end.minus(Duration.ofDays(1))).certificate();
        assertThat(last.getNotAfter().toInstant()).isEqualTo(end);
        assertThatThrownBy(() -> authority.issue(STUDENT, LIFE, end))
                .hasMessage(
                        "authority of the mesh has expired: found="
                                + end
                                + ", expected=after "
                                + end);
    }
}
