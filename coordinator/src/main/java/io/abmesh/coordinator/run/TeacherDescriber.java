package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.DescribeTeacherRequest;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Asks teachers to describe themselves; never on the loop, since it waits for the answer. */
final class TeacherDescriber {
    private static final Duration GRACE = Duration.ofSeconds(1);

    private final MeshSecurity security;
    private final Duration deadline;

    /**
     * Makes one.
     *
     * @param security of this process; borrowed
     * @param deadline of an answer
     */
    TeacherDescriber(MeshSecurity security, Duration deadline) {
        this.security = security;
        this.deadline = deadline;
    }

    /**
     * Returns how a teacher describes itself.
     *
     * @param imageShape size of the run's images, {@code [C, H, W]}
     * @throws RuntimeException if it does not in time
     */
    DescribeTeacherResponse describe(TeacherMember member, List<Long> imageShape) {
        ManagedChannel channel =
                MeshChannels.open(
                        "coordinator-describe", member.address(), security, MeshRole.TEACHER);
        try {
            return TeacherServiceGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS)
                    .describeTeacher(
                            DescribeTeacherRequest.newBuilder()
                                    .addAllImageShape(imageShape)
                                    .build());
        } finally {
            MeshChannels.close(channel, GRACE);
        }
    }
}
