package io.abmesh.proto.transport;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.ManagedChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class MeshChannelsTest {
    private static final int CONNECTIONS = 10;

    /** Ten connections that fail, with gRPC's delays between them, would take minutes. */
    @Test
    @Timeout(30)
    void aChannelConnectsAgainWhenItIsAskedTo() throws Exception {
        int connections = 0;
        try (ServerSocket refusing = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            refusing.setSoTimeout(50);
            ManagedChannel channel =
                    MeshChannels.open("test", "127.0.0.1:" + refusing.getLocalPort());
            try {
                channel.getState(true);
                while (connections < CONNECTIONS) {
                    if (hangsUp(refusing)) {
                        connections++;
                    }
                    channel.resetConnectBackoff();
                }
            } finally {
                MeshChannels.close(channel, Duration.ZERO);
            }
        }
        assertThat(connections).isEqualTo(CONNECTIONS);
    }

    /** Waits a moment for a connection and ends it; false if none came. */
    private static boolean hangsUp(ServerSocket refusing) throws IOException {
        try (Socket connection = refusing.accept()) {
            return connection.isConnected();
        } catch (SocketTimeoutException e) {
            return false;
        }
    }
}
