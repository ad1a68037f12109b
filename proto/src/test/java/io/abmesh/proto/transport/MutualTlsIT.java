package io.abmesh.proto.transport;

import static java.util.Locale.ROOT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.BatchFetcher;
import io.abmesh.proto.identity.Credential;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import io.grpc.util.AdvancedTlsX509TrustManager;
import io.grpc.util.AdvancedTlsX509TrustManager.Verification;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A teacher's server with TLS, called by whoever should and whoever should not. */
final class MutualTlsIT {
    private static final Duration DAY = Duration.ofDays(1);
    private static final String STUDENT = "spiffe://mesh/run/one/student";
    private static final String TEACHER = "spiffe://mesh/run/one/teacher";

    @TempDir private Path directory;
    private final TestingAuthority authority = new TestingAuthority();
    private final Deque<Runnable> opened = new ArrayDeque<>();
    private MutualTls teacher;
    private MeshServer server;

    @BeforeEach
    void start() throws Exception {
        ResponseSender sender = new ResponseSender("test", Duration.ofSeconds(20));
        opened.push(sender::close);
        teacher = security("server", authority, TEACHER);
        TestingBatchService service = new TestingBatchService(sender);
        server = MeshServer.start("test", teacher, "127.0.0.1", 0, 2, List.of(service));
        opened.push(() -> server.stop(Duration.ZERO));
    }

    @AfterEach
    void stop() {
        while (!opened.isEmpty()) {
            opened.pop().run();
        }
    }

    private MutualTls security(String name, TestingAuthority by, String uri) throws Exception {
        MeshRole role = MeshRole.valueOf(uri.substring(uri.lastIndexOf('/') + 1).toUpperCase(ROOT));
        MutualTls security = MutualTls.reading(role, by.write(directory.resolve(name), uri, DAY));
        opened.push(security::close);
        return security;
    }

    private ManagedChannel closing(ManagedChannel channel) {
        opened.push(
                () -> {
                    channel.shutdownNow();
                    MeshChannels.close(channel, Duration.ofSeconds(1));
                });
        return channel;
    }

    private ManagedChannel channel(MeshSecurity security, MeshRole... peers) {
        return closing(MeshChannels.open("client", server.address(), security, peers));
    }

    /** A client that checks nothing of its server and shows what it is given. */
    private ManagedChannel careless(Path credential) throws Exception {
        return closing(
                Grpc.newChannelBuilder(
                                server.address(),
                                TlsChannelCredentials.newBuilder()
                                        .keyManager(
                                                credential.resolve(Credential.CERTIFICATE).toFile(),
                                                credential.resolve(Credential.KEY).toFile())
                                        .trustManager(
                                                AdvancedTlsX509TrustManager.newBuilder()
                                                        .setVerification(
                                                                Verification
                                                                        .INSECURELY_SKIP_ALL_VERIFICATION)
                                                        .build())
                                        .build())
                        .build());
    }

    private static int fetch(ManagedChannel channel) {
        return BatchFetcher.fetch(
                        channel,
                        FetchBatchRequest.newBuilder().setBatchId("1").build(),
                        1 << 30,
                        Duration.ofSeconds(20))
                .size();
    }

    private static MeshException refusal(ManagedChannel channel) {
        return catchThrowableOfType(MeshException.class, () -> fetch(channel));
    }

    @Test
    void aStudentOfTheRunIsServed() throws Exception {
        assertThat(fetch(channel(security("client", authority, STUDENT), MeshRole.TEACHER)))
                .isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                TEACHER,
                "spiffe://mesh/client",
                "spiffe://mesh/coordinator",
                "spiffe://mesh/run/two/student",
                "spiffe://elsewhere/run/one/student"
            })
    void whoeverElseIsDeniedByName(String uri) throws Exception {
        MeshException refusal =
                refusal(careless(authority.write(directory.resolve("client"), uri, DAY)));
        assertThat(refusal.reason()).isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
        assertThat(refusal)
                .hasMessage(
                        "caller may not use abmesh.v1.BatchService: found="
                                + uri
                                + ", expected=student of mesh and run one");
    }

    @Test
    void aCertificateThatNamesNoPartOfAMeshIsNotIdentified() throws Exception {
        Path credential = authority.write(directory.resolve("client"), "https://mesh/student", DAY);
        assertThat(refusal(careless(credential)).reason())
                .isEqualTo(ErrorReason.CALLER_NOT_IDENTIFIED);
    }

    @Test
    void aStudentThatStandsWhereATeacherShouldIsNotTrusted() throws Exception {
        MeshException refusal =
                refusal(channel(security("client", authority, STUDENT), MeshRole.STUDENT));
        assertThat(refusal.reason()).isEqualTo(ErrorReason.PEER_NOT_TRUSTED);
        assertThat(refusal)
                .hasMessageContaining(
                        "server is not who was called: found="
                                + TEACHER
                                + ", expected=student of mesh and run one");
    }

    @Test
    void aServerOfAnotherAuthorityIsNotTrusted() throws Exception {
        MutualTls stranger = security("client", new TestingAuthority(), STUDENT);
        assertThat(refusal(channel(stranger, MeshRole.TEACHER)).reason())
                .isEqualTo(ErrorReason.PEER_NOT_TRUSTED);
    }

    @Test
    void aCallerOfAnotherAuthorityOrOneThatHasExpiredGetsNoConnection() throws Exception {
        Path strange = new TestingAuthority().write(directory.resolve("strange"), STUDENT, DAY);
        Path expired =
                authority.write(directory.resolve("expired"), STUDENT, Duration.ofMinutes(-1));
        assertThat(refusal(careless(strange)).getMessage()).isNotEmpty();
        assertThat(refusal(careless(expired)).getMessage()).isNotEmpty();
        assertThat(refusal(careless(expired)).reason())
                .isIn(ErrorReason.PEER_NOT_TRUSTED, ErrorReason.TRANSPORT_UNAVAILABLE);
    }

    @Test
    void aClientInPlainTextIsNotServed() {
        ManagedChannel plain = closing(MeshChannels.open("client", server.address()));
        assertThat(refusal(plain).reason()).isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE);
    }

    @Test
    void newConnectionsTakeANewCredentialAndOpenOnesGoOn() throws Exception {
        MutualTls student = security("client", authority, STUDENT);
        ManagedChannel before = channel(student, MeshRole.TEACHER);
        assertThat(fetch(before)).isEqualTo(1);
        TestingAuthority next = new TestingAuthority();
        teacher.look(next.write(directory.resolve("server"), TEACHER, DAY));
        assertThat(fetch(before)).as("the open connection").isEqualTo(1);
        assertThat(refusal(channel(student, MeshRole.TEACHER)).reason())
                .isEqualTo(ErrorReason.PEER_NOT_TRUSTED);
        MutualTls renewed = security("renewed", next, STUDENT);
        assertThat(fetch(channel(renewed, MeshRole.TEACHER))).isEqualTo(1);
    }

    @Test
    void aCredentialOfAnotherPartIsNotTaken() throws Exception {
        Path student = authority.write(directory.resolve("student"), STUDENT, DAY);
        assertThat(
                        catchThrowableOfType(
                                MeshException.class,
                                () -> MutualTls.reading(MeshRole.TEACHER, student)))
                .hasMessage(
                        "certificate cannot be used: cause=it is of another role: directory="
                                + student
                                + ", found="
                                + STUDENT
                                + ", expected=teacher");
        teacher.look(student);
        assertThat(fetch(channel(security("client", authority, STUDENT), MeshRole.TEACHER)))
                .as("the server goes on with its own")
                .isEqualTo(1);
    }

    @Test
    void aKeyThatBelongsToAnotherCertificateIsToldWithItsFile() throws Exception {
        Path one = authority.write(directory.resolve("one"), STUDENT, DAY);
        Path other = authority.write(directory.resolve("other"), STUDENT, DAY);
        Files.copy(
                other.resolve(Credential.KEY),
                one.resolve(Credential.KEY),
                StandardCopyOption.REPLACE_EXISTING);
        assertThat(
                        catchThrowableOfType(
                                MeshException.class,
                                () -> MutualTls.reading(MeshRole.STUDENT, one)))
                .hasMessage(
                        "certificate cannot be used: file="
                                + one.resolve(Credential.KEY)
                                + ", cause=it is not the key of "
                                + one.resolve(Credential.CERTIFICATE));
    }

    @Test
    void aCredentialThatCannotBeUsedIsToldWithItsFile() throws Exception {
        Path expired =
                authority.write(directory.resolve("expired"), STUDENT, Duration.ofMinutes(-1));
        MeshException refusal =
                catchThrowableOfType(
                        MeshException.class, () -> MutualTls.reading(MeshRole.STUDENT, expired));
        assertThat(refusal.reason()).isEqualTo(ErrorReason.CERTIFICATE_UNUSABLE);
        assertThat(refusal)
                .hasMessageStartingWith(
                        "certificate cannot be used: file="
                                + expired.resolve(Credential.CERTIFICATE)
                                + ", cause=it has expired: ");
        Files.delete(expired.resolve(Credential.KEY));
        assertThat(
                        catchThrowableOfType(
                                MeshException.class,
                                () -> MutualTls.reading(MeshRole.STUDENT, expired)))
                .hasMessage(
                        "certificate cannot be used: file="
                                + expired.resolve(Credential.KEY)
                                + ", cause=it is not there");
    }
}
