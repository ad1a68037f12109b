package io.abmesh.cli.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshSecurity;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class RunClientTest {

    @TempDir Path folder;

    @Test
    @Timeout(60)
    void neitherWaitsForACoordinatorThatIsGoneNorLeavesAPartOfTheFile() throws IOException {
        try (RunClient client =
                new RunClient("127.0.0.1:" + closedPort(), MeshSecurity.plainText())) {
            assertThatThrownBy(
                            () ->
                                    client.fetch(
                                            "run-1", "report.json", folder.resolve("report.json")))
                    .isInstanceOf(MeshException.class);
        }

        assertThat(folder).isEmptyDirectory();
    }

    private static int closedPort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
