package io.abmesh.coordinator.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.batch.BatchMemory;
import io.abmesh.coordinator.run.Loop;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.BatchFailed;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.StreamOpened;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class TeacherLinkIT {
    /** A link's channel is given this long to end by itself. */
    private static final Duration GRACE = Duration.ofMillis(200);

    @Test
    void closingDoesNotWaitForATeacherThatDoesNotAnswer() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());
                Loop loop = new Loop()) {
            TeacherMember member =
                    new TeacherMember(
                            1,
                            "silent",
                            "127.0.0.1:" + silent.getLocalPort(),
                            "ab",
                            Optional.empty());
            List<Duration> took = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                TeacherLink link =
                        TeacherLink.open(
                                member,
                                StreamOpen.getDefaultInstance(),
                                loop,
                                new Unheard(),
                                new BatchMemory(1 << 20),
                                MeshSecurity.plainText(),
                                Duration.ofSeconds(30));
                long begun = System.nanoTime();
                link.close();
                took.add(Duration.ofNanos(System.nanoTime() - begun));
            }
            // A busy machine may hold one of them up, but not each.
            assertThat(took).anyMatch(duration -> duration.compareTo(GRACE) < 0);
        }
    }

    private static final class Unheard implements TeacherLink.Listener {
        @Override
        public void opened(TeacherLink link, StreamOpened opened) {}

        @Override
        public void credited(TeacherLink link) {}

        @Override
        public void ready(TeacherLink link, BatchReady ready) {}

        @Override
        public void failed(TeacherLink link, BatchFailed failed) {}

        @Override
        public void lost(TeacherLink link, MeshException cause) {}
    }
}
