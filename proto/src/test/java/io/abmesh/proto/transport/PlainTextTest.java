package io.abmesh.proto.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class PlainTextTest {
    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.0.3.7", "localhost", "::1", "[::1]"})
    void isSpokenOnLoopback(String host) {
        assertThatCode(() -> PlainText.INSTANCE.require(host)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.0.0.0",
                "::",
                "10.0.0.1",
                "127.0.0.1.example.org",
                "localhost.example.org",
                "abmesh-coordinator",
                ""
            })
    void isSpokenNowhereElse(String host) {
        refused(host, () -> PlainText.INSTANCE.require(host));
    }

    @Test
    void noServerListensAndNoChannelOpens() {
        refused("0.0.0.0", () -> MeshServer.start("test", "0.0.0.0", 0, 1, List.of()));
        refused("10.0.0.1", () -> MeshChannels.open("test", "10.0.0.1:7700"));
        try (PeerChannels channels = new PeerChannels("test")) {
            refused("[fd00::1]", () -> channels.to("[fd00::1]:7700"));
        }
    }

    private static void refused(String host, ThrowingCallable action) {
        assertThatThrownBy(action)
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.TLS_REQUIRED))
                .hasMessage(
                        "plain text is for loopback: found="
                                + host
                                + ", expected=127.0.0.1, ::1 or localhost, or a folder with a"
                                + " certificate (setting tls-directory, option --tls)");
    }
}
