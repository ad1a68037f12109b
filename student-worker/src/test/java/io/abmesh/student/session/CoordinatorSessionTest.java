package io.abmesh.student.session;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.Durations;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.Heartbeat;
import io.abmesh.proto.v1.RunEnd;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.WorkAccepted;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(600)
final class CoordinatorSessionTest {
    private static final StudentJoin JOIN =
            StudentJoin.newBuilder().setWorkerId("student-0").setPrefetch(2).build();

    private final BlockingQueue<StreamObserver<WorkResponse>> streams = new LinkedBlockingQueue<>();
    private final BlockingQueue<WorkRequest> requests = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    private final WorkProgress progress = new WorkProgress();
    private Server server;
    private CountingChannel channel;
    private CoordinatorSession session;

    @BeforeEach
    void start() throws Exception {
        String name = UUID.randomUUID().toString();
        server = InProcessServerBuilder.forName(name).addService(coordinator()).build().start();
        channel = new CountingChannel(InProcessChannelBuilder.forName(name).build());
        session = new CoordinatorSession(channel, JOIN, listener(), progress);
        session.start();
    }

    @AfterEach
    void stop() {
        session.close();
        channel.shutdownNow();
        server.shutdownNow();
    }

    @Test
    void joinsWithoutAnEpochAndThenSpeaksInTheOneItIsTold() throws Exception {
        assertThat(next().getJoin()).isEqualTo(JOIN);
        assertThat(session.send(step(7), 5)).isFalse();

        accept(streams.take(), 5);
        assertThat(events.take()).isEqualTo("END of r5");
        assertThat(session.send(step(8), 5)).isTrue();
        WorkRequest report = next();
        assertThat(report.getEpoch()).isEqualTo(5);
        assertThat(report.getStep().getStep()).isEqualTo(8);
    }

    @Test
    void joinsAgainWhenTheStreamBreaks() throws Exception {
        next();
        accept(streams.take(), 5);
        assertThat(events.take()).isEqualTo("END of r5");
        session.reopen(new MeshException(ErrorReason.TRANSPORT_UNAVAILABLE, "cut"));

        assertThat(events.take()).isEqualTo("lost");
        assertThat(next().hasJoin()).isTrue();
        assertThat(channel.resets).as("connects at once, both times").hasValue(2);
        // A coordinator that lost its state may count from the beginning.
        accept(streams.take(), 1);
        assertThat(events.take()).isEqualTo("END of r1");
    }

    @Test
    void dropsMessagesOfAnOlderEpoch() throws Exception {
        StreamObserver<WorkResponse> stream = streams.take();
        accept(stream, 5);
        stream.onNext(end("stale").setEpoch(4).build());
        stream.onNext(end("newer").setEpoch(6).build());

        assertThat(events.take()).isEqualTo("END of r5");
        assertThat(events.take()).isEqualTo("END of newer");
    }

    @Test
    void takesASilentCoordinatorForLost() throws Exception {
        StreamObserver<WorkResponse> stream = streams.take();
        stream.onNext(
                WorkResponse.newBuilder()
                        .setEpoch(1)
                        .setAccepted(
                                WorkAccepted.newBuilder()
                                        .setLeaseDuration(Durations.fromMillis(60)))
                        .build());

        assertThat(events.take()).isEqualTo("lost");
        assertThat(streams.take()).isNotSameAs(stream);
    }

    @Test
    void sendsHeartbeatsWithinTheLeaseThatTellWhatIsDone() throws Exception {
        progress.pieceDone();
        progress.pieceDone();
        next();
        StreamObserver<WorkResponse> stream = streams.take();
        stream.onNext(
                WorkResponse.newBuilder()
                        .setEpoch(1)
                        .setAccepted(
                                WorkAccepted.newBuilder()
                                        .setLeaseDuration(Durations.fromMillis(900)))
                        .build());

        assertThat(next().getHeartbeat())
                .isEqualTo(Heartbeat.newBuilder().setProgressCount(2).build());
    }

    @Test
    void givesUpWhenItIsRefusedForGood() throws Exception {
        streams.take()
                .onError(
                        ErrorStatuses.toException(
                                new MeshException(ErrorReason.VERSION_MISMATCH, "too old")));

        assertThat(events.take()).isEqualTo("lost");
        assertThat(events.take()).isEqualTo("refused: too old");
    }

    @Test
    void aListenerThatObjectsEndsTheStream() throws Exception {
        StreamObserver<WorkResponse> stream = streams.take();
        accept(stream, 1);
        assertThat(events.take()).isEqualTo("END of r1");
        stream.onNext(end("objection").setEpoch(1).build());

        assertThat(events.take()).isEqualTo("lost");
        assertThat(streams.take()).isNotSameAs(stream);
    }

    @Test
    void leavesByHalfClosing() throws Exception {
        next();
        accept(streams.take(), 1);
        assertThat(events.take()).isEqualTo("END of r1");
        session.close();

        assertThat(events.take()).isEqualTo("half-closed");
        assertThat(session.send(step(1), 1)).isFalse();
    }

    /** Counts how often it was asked to connect at once. */
    private static final class CountingChannel extends ManagedChannel {
        private final ManagedChannel channel;
        private final AtomicInteger resets = new AtomicInteger();

        CountingChannel(ManagedChannel channel) {
            this.channel = channel;
        }

        @Override
        public void resetConnectBackoff() {
            resets.incrementAndGet();
        }

        @Override
        public ManagedChannel shutdown() {
            return channel.shutdown();
        }

        @Override
        public boolean isShutdown() {
            return channel.isShutdown();
        }

        @Override
        public boolean isTerminated() {
            return channel.isTerminated();
        }

        @Override
        public ManagedChannel shutdownNow() {
            return channel.shutdownNow();
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
            return channel.awaitTermination(timeout, unit);
        }

        @Override
        public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
            return channel.newCall(method, options);
        }

        @Override
        public String authority() {
            return channel.authority();
        }
    }

    private WorkRequest next() throws InterruptedException {
        WorkRequest request = requests.poll(30, TimeUnit.SECONDS);
        assertThat(request).isNotNull();
        return request;
    }

    private static WorkRequest.Builder step(long step) {
        return WorkRequest.newBuilder().setStep(StepReport.newBuilder().setStep(step));
    }

    private static WorkResponse.Builder end(String run) {
        return WorkResponse.newBuilder().setEnd(RunEnd.newBuilder().setRunId(run));
    }

    private static void accept(StreamObserver<WorkResponse> stream, long epoch) {
        stream.onNext(
                WorkResponse.newBuilder()
                        .setEpoch(epoch)
                        .setAccepted(
                                WorkAccepted.newBuilder()
                                        .setLeaseDuration(Durations.fromSeconds(60)))
                        .build());
        stream.onNext(end("r" + epoch).setEpoch(epoch).build());
    }

    private WorkListener listener() {
        return new WorkListener() {
            @Override
            public void received(WorkResponse message) {
                if (message.getEnd().getRunId().equals("objection")) {
                    throw new MeshException(ErrorReason.STREAM_PROTOCOL, "not now");
                }
                events.add(message.getMessageCase() + " of " + message.getEnd().getRunId());
            }

            @Override
            public void lost() {
                events.add("lost");
            }

            @Override
            public void refused(MeshException reason) {
                events.add("refused: " + reason.getMessage());
            }
        };
    }

    private AssignmentServiceGrpc.AssignmentServiceImplBase coordinator() {
        return new AssignmentServiceGrpc.AssignmentServiceImplBase() {
            @Override
            public StreamObserver<WorkRequest> work(StreamObserver<WorkResponse> responses) {
                streams.add(responses);
                return new StreamObserver<>() {
                    @Override
                    public void onNext(WorkRequest request) {
                        requests.add(request);
                    }

                    @Override
                    public void onError(Throwable cause) {
                        // The student has given the stream up.
                    }

                    @Override
                    public void onCompleted() {
                        events.add("half-closed");
                        responses.onCompleted();
                    }
                };
            }
        };
    }
}
