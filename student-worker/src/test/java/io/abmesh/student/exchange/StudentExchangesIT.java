package io.abmesh.student.exchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.training.ReductionTree.Subtree;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.v1.ExchangeOpen;
import io.abmesh.proto.v1.ExchangeRequest;
import io.abmesh.proto.v1.ExchangeResponse;
import io.abmesh.proto.v1.ExchangeServiceGrpc;
import io.abmesh.proto.v1.FetchStateRequest;
import io.abmesh.proto.v1.FetchStateResponse;
import io.abmesh.proto.v1.RosterMember;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
final class StudentExchangesIT {
    private static final int LENGTH = 1000;
    private static final long PATIENCE_SECONDS = 60;

    @ParameterizedTest
    @CsvSource({"2, 4, 1000", "3, 4, 1000", "4, 4, 1000", "5, 2, 1001", "3, 7, 600000", "8, 8, 77"})
    void theTotalIsThatOfAStudentThatIsAlone(int students, int microBatches, int length) {
        try (TestingStudents mesh = new TestingStudents(students)) {
            // Step 9 follows step 2: a phase has ended early.
            for (List<float[]> totals : mesh.train(1, microBatches, length, 0, 1, 2, 9)) {
                assertThat(totals.get(0)).isEqualTo(TestingStudents.alone(microBatches, length, 0));
                assertThat(totals.get(2)).isEqualTo(TestingStudents.alone(microBatches, length, 2));
                assertThat(totals.get(3)).isEqualTo(TestingStudents.alone(microBatches, length, 9));
            }
        }
    }

    @Test
    void theNextEpochGoesOnOnTheSameConnections() {
        try (TestingStudents mesh = new TestingStudents(3)) {
            mesh.train(1, 4, LENGTH, 0);
            for (List<float[]> totals : mesh.train(2, 4, LENGTH, 0, 1)) {
                assertThat(totals.get(1)).isEqualTo(TestingStudents.alone(4, LENGTH, 1));
            }
        }
    }

    @Test
    void whoWaitsForAPeerIsToldWhenItsEpochIsOver() throws Exception {
        try (TestingStudents mesh = new TestingStudents(2)) {
            Roster roster = mesh.roster(1, 0, 2);
            GradientExchange exchange = mesh.exchanges(0).join(roster, LENGTH, 5);
            Future<float[]> waiting =
                    mesh.thread(0).submit(() -> TestingStudents.step(exchange, roster, 0, LENGTH));

            mesh.exchanges(0).retire(2);

            assertThatThrownBy(() -> waiting.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .hasRootCauseInstanceOf(MeshException.class)
                    .hasMessageContaining("the membership epoch is over");
            assertThatThrownBy(() -> mesh.exchanges(0).join(roster, LENGTH, 5))
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e -> assertThat(e.reason()).isEqualTo(ErrorReason.CANCELLED));
        }
    }

    @Test
    void whoWaitsForAPeerIsToldWhenItLeaves() throws Exception {
        try (TestingStudents mesh = new TestingStudents(2)) {
            Roster roster = mesh.roster(1, 0, 2);
            GradientExchange exchange = mesh.exchanges(0).join(roster, LENGTH, 5);
            mesh.exchanges(1).join(mesh.roster(1, 1, 2), LENGTH, 5);
            Future<float[]> waiting =
                    mesh.thread(0).submit(() -> TestingStudents.step(exchange, roster, 0, LENGTH));

            mesh.exchanges(1).depart();

            assertThatThrownBy(() -> waiting.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .rootCause()
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e ->
                                    assertThat(e.reason())
                                            .isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE));
        }
    }

    @Test
    void aSlowNetworkChangesNothing() {
        try (TestingStudents mesh = new TestingStudents(3)) {
            mesh.proxies().get(1).slow(Duration.ofMillis(2));

            for (List<float[]> totals : mesh.train(1, 4, 100_000, 0, 1)) {
                assertThat(totals.get(1)).isEqualTo(TestingStudents.alone(4, 100_000, 1));
            }
        }
    }

    @Test
    void aNetworkThatDropsEndsTheEpochAndTheNextOneGoesOn() {
        try (TestingStudents mesh = new TestingStudents(2)) {
            List<TestingProxy> networks = mesh.proxies();
            mesh.train(1, 2, LENGTH, 0);
            Roster roster = mesh.roster(2, 0, 2);
            GradientExchange exchange = mesh.exchanges(0).join(roster, LENGTH, 5);
            mesh.exchanges(1).join(mesh.roster(2, 1, 2), LENGTH, 5);
            Future<float[]> waiting =
                    mesh.thread(0).submit(() -> TestingStudents.step(exchange, roster, 1, LENGTH));

            networks.forEach(TestingProxy::cut);

            assertThatThrownBy(() -> waiting.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .hasRootCauseInstanceOf(MeshException.class);
            for (List<float[]> totals : nextEpoch(mesh)) {
                assertThat(totals.get(0)).isEqualTo(TestingStudents.alone(2, LENGTH, 1));
            }
        }
    }

    /**
     * Goes on as the coordinator does: a student that has heard of no cut yet sends into the
     * connection that was cut, which ends one more epoch for each of the two.
     */
    private static List<List<float[]>> nextEpoch(TestingStudents mesh) {
        for (long epoch = 3; ; epoch++) {
            try {
                return mesh.train(epoch, 2, LENGTH, 1);
            } catch (CompletionException e) {
                assertThat(e).hasRootCauseInstanceOf(MeshException.class);
                assertThat(epoch).as("epochs that a cut may end").isLessThan(5);
            }
        }
    }

    @Test
    void aNetworkThatSpoilsBytesEndsTheEpochAndTheNextOneGoesOn() {
        int length = 200_000;
        try (TestingStudents mesh = new TestingStudents(2)) {
            mesh.proxies().get(0).spoilAfter(100_000);

            assertThatThrownBy(() -> mesh.train(1, 2, length, 0))
                    .hasRootCauseInstanceOf(MeshException.class);
            for (List<float[]> totals : mesh.train(2, 2, length, 0)) {
                assertThat(totals.get(0)).isEqualTo(TestingStudents.alone(2, length, 0));
            }
        }
    }

    @Test
    void aStateIsCopiedWholeWhenTheLeaderOffersIt() throws Exception {
        float[] values = new float[700_000];
        values[699_999] = 3;
        Map<String, StoredTensor> state =
                Map.of(
                        "a", StoredTensor.of(List.of(2L), new float[] {1, 2}),
                        "b", StoredTensor.of(List.of(700_000L), values));
        try (TestingStudents mesh = new TestingStudents(2)) {
            mesh.exchanges(1).join(mesh.roster(1, 1, 2), LENGTH, 5);
            Future<Map<String, StoredTensor>> copying =
                    mesh.thread(1).submit(() -> mesh.exchanges(1).copy(mesh.roster(1, 1, 2)));

            mesh.exchanges(0).join(mesh.roster(1, 0, 2), LENGTH, 5);
            mesh.exchanges(0).offer(mesh.roster(1, 0, 2), state);

            Map<String, StoredTensor> copied = copying.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(copied).containsOnlyKeys("a", "b");
            assertThat(copied.get("a").floats()).containsExactly(1, 2);
            assertThat(copied.get("b").floats()).isEqualTo(values);
        }
    }

    @Test
    void whoCopiesAStateIsToldWhenItsEpochIsGivenUp() {
        try (TestingStudents mesh = new TestingStudents(2)) {
            Roster roster = mesh.roster(1, 1, 2);
            mesh.exchanges(1).join(roster, LENGTH, 5);
            Future<Map<String, StoredTensor>> copying =
                    mesh.thread(1).submit(() -> mesh.exchanges(1).copy(roster));

            mesh.exchanges(1).abandon();

            assertThatThrownBy(() -> copying.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .rootCause()
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e -> assertThat(e.reason()).isEqualTo(ErrorReason.CANCELLED));
        }
    }

    @Test
    void whoCopiesAStateIsToldWhenTheLeadersServerEndsTheCall() {
        ExchangeServiceGrpc.ExchangeServiceImplBase ending =
                new ExchangeServiceGrpc.ExchangeServiceImplBase() {
                    @Override
                    public void fetchState(
                            FetchStateRequest request,
                            StreamObserver<FetchStateResponse> response) {
                        response.onError(Status.CANCELLED.asException());
                    }
                };
        MeshServer leader = MeshServer.start("leader", "127.0.0.1", 0, 2, List.of(ending));
        try (TestingStudents mesh = new TestingStudents(2)) {
            Roster behind = ledBy(mesh, leader);
            mesh.exchanges(1).join(behind, LENGTH, 5);

            assertThatThrownBy(() -> mesh.exchanges(1).copy(behind))
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e ->
                                    assertThat(e.reason())
                                            .isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE));
        } finally {
            leader.stop(Duration.ZERO);
        }
    }

    @Test
    void whoIsInterruptedWhileItCopiesAStateIsNotToldOfAServer() throws Exception {
        CompletableFuture<Void> asked = new CompletableFuture<>();
        ExchangeServiceGrpc.ExchangeServiceImplBase silent =
                new ExchangeServiceGrpc.ExchangeServiceImplBase() {
                    @Override
                    public void fetchState(
                            FetchStateRequest request,
                            StreamObserver<FetchStateResponse> response) {
                        asked.complete(null);
                    }
                };
        MeshServer leader = MeshServer.start("leader", "127.0.0.1", 0, 2, List.of(silent));
        try (TestingStudents mesh = new TestingStudents(2)) {
            Roster behind = ledBy(mesh, leader);
            mesh.exchanges(1).join(behind, LENGTH, 5);
            Future<Map<String, StoredTensor>> copying =
                    mesh.thread(1).submit(() -> mesh.exchanges(1).copy(behind));
            asked.get(PATIENCE_SECONDS, TimeUnit.SECONDS);

            mesh.thread(1).shutdownNow();

            assertThatThrownBy(() -> copying.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .hasRootCauseInstanceOf(InterruptedException.class);
        } finally {
            leader.stop(Duration.ZERO);
        }
    }

    /** The second student's roster, whose first has another server. */
    private static Roster ledBy(TestingStudents mesh, MeshServer leader) {
        List<RosterMember> members = new ArrayList<>(mesh.roster(1, 1, 2).members());
        members.set(0, members.get(0).toBuilder().setAddress(leader.address()).build());
        return new Roster(TestingStudents.RUN, 1, members, 1, 2, 0, "state");
    }

    @Test
    void aStreamOfAnOlderEpochIsRefusedByName() throws Exception {
        try (TestingStudents mesh = new TestingStudents(2)) {
            mesh.exchanges(0).join(mesh.roster(5, 0, 2), LENGTH, 5);
            ManagedChannel channel = MeshChannels.open("peer", mesh.address(0));
            try {
                assertThat(new Peer(channel, 4).failure().reason())
                        .isEqualTo(ErrorReason.STALE_EPOCH);
            } finally {
                MeshChannels.close(channel, Duration.ZERO);
            }
        }
    }

    @Test
    void badFramesAreRefusedByNameAndEndTheEpoch() throws Exception {
        try (TestingStudents mesh = new TestingStudents(2)) {
            assertThat(refusal(mesh, 1, frame -> edit(frame, 1, 0)).reason())
                    .isEqualTo(ErrorReason.CHECKSUM_MISMATCH);
            assertThat(refusal(mesh, 2, frame -> frame.toBuilder().clearGradient().build()))
                    .extracting(MeshException::reason)
                    .isEqualTo(ErrorReason.STREAM_PROTOCOL);
            assertThat(refusal(mesh, 3, frame -> edit(frame, 0, 4)).reason())
                    .isEqualTo(ErrorReason.FRAME_OUT_OF_ORDER);
            assertThat(
                            refusal(
                                            mesh,
                                            4,
                                            frame ->
                                                    ExchangeFrames.frame(
                                                            0,
                                                            new Subtree(1, 2),
                                                            false,
                                                            new float[LENGTH],
                                                            0,
                                                            LENGTH / 2 + 1))
                                    .reason())
                    .isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
            assertThat(
                            refusal(
                                            mesh,
                                            5,
                                            frame ->
                                                    ExchangeFrames.frame(
                                                            0,
                                                            new Subtree(0, 1),
                                                            false,
                                                            new float[LENGTH],
                                                            0,
                                                            LENGTH / 2))
                                    .reason())
                    .isEqualTo(ErrorReason.FRAME_OUT_OF_ORDER);
        }
    }

    @Test
    void aFrameThatComesTwiceIsRefused() throws Exception {
        try (TestingStudents mesh = new TestingStudents(2)) {
            mesh.exchanges(0).join(mesh.roster(1, 0, 2), LENGTH, 5).begin(0);
            ManagedChannel channel = MeshChannels.open("peer", mesh.address(0));
            try {
                Peer peer = new Peer(channel, 1);
                peer.requests.onNext(good());
                peer.requests.onNext(good());

                assertThat(peer.failure().reason()).isEqualTo(ErrorReason.FRAME_OUT_OF_ORDER);
            } finally {
                MeshChannels.close(channel, Duration.ZERO);
            }
        }
    }

    private static ExchangeRequest edit(ExchangeRequest frame, int checksum, long start) {
        ExchangeRequest.Builder edited = frame.toBuilder();
        edited.getGradientBuilder()
                .setCrc32C(frame.getGradient().getCrc32C() + checksum)
                .setStartElement(frame.getGradient().getStartElement() + start);
        return edited.build();
    }

    private static ExchangeRequest good() {
        return ExchangeFrames.frame(0, new Subtree(1, 2), false, new float[LENGTH], 0, LENGTH / 2);
    }

    /** Sends one frame in place of a good one to student 0, and returns why it is refused. */
    private static MeshException refusal(
            TestingStudents mesh, long epoch, UnaryOperator<ExchangeRequest> spoil)
            throws Exception {
        mesh.exchanges(0).join(mesh.roster(epoch, 0, 2), LENGTH, 5).begin(0);
        ManagedChannel channel = MeshChannels.open("peer", mesh.address(0));
        try {
            Peer peer = new Peer(channel, epoch);
            peer.requests.onNext(spoil.apply(good()));
            return peer.failure();
        } finally {
            MeshChannels.close(channel, Duration.ZERO);
        }
    }

    /** Student 1, by hand. */
    private static final class Peer implements StreamObserver<ExchangeResponse> {
        private final CompletableFuture<Throwable> end = new CompletableFuture<>();
        private final StreamObserver<ExchangeRequest> requests;

        Peer(ManagedChannel channel, long epoch) {
            requests =
                    ExchangeServiceGrpc.newStub(channel)
                            .withDeadlineAfter(PATIENCE_SECONDS, TimeUnit.SECONDS)
                            .exchange(this);
            requests.onNext(
                    ExchangeRequest.newBuilder()
                            .setOpen(
                                    ExchangeOpen.newBuilder()
                                            .setRunId(TestingStudents.RUN)
                                            .setEpoch(epoch)
                                            .setFromIndex(1)
                                            .setToIndex(0)
                                            .setGradientCount(LENGTH))
                            .build());
        }

        MeshException failure() throws Exception {
            return ErrorStatuses.fromThrowable(end.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
        }

        @Override
        public void onNext(ExchangeResponse response) {}

        @Override
        public void onError(Throwable cause) {
            end.complete(cause);
        }

        @Override
        public void onCompleted() {
            end.complete(new AssertionError("it was taken"));
        }
    }
}
