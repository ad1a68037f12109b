package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.coordinator.worker.AssignmentGrpcService;
import io.abmesh.objects.ObjectCache;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.abmesh.proto.v1.WorkResponse.MessageCase;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A student that lives but does not say where it stands, in front of the real membership code: what
 * the coordinator's threads do, happens on the thread of the caller or on its loop.
 */
final class PositionDeadlineTest {
    private static final Duration DEADLINE = Duration.ofMinutes(1);
    private static final Duration LEASE = Duration.ofHours(1);
    private static final long PATIENCE_SECONDS = 60;

    @TempDir Path directory;

    private final TestingClock clock = new TestingClock();
    private final Loop loop = new Loop();
    private final ExecutorService beside = Executors.newSingleThreadExecutor();
    private final String name = UUID.randomUUID().toString();
    private RunStore store;
    private Runs runs;
    private Server server;
    private ManagedChannel channel;
    private RunRecord record;

    @BeforeEach
    void start() throws IOException {
        store = RunStore.open(directory.resolve("store"), clock, new SplittableRandom(1));
        runs =
                new Runs(
                        loop,
                        store,
                        new LazyBatches(),
                        new Datasets(
                                new ObjectCache(
                                        directory.resolve("objects"), ObjectStore.ofEnvironment())),
                        Optional.empty(),
                        beside,
                        clock,
                        MeshSecurity.plainText(),
                        new Runs.Settings(
                                8,
                                DEADLINE,
                                DEADLINE,
                                DEADLINE,
                                new StepSampling(StepTracing.off(), 1)),
                        new CoordinatorMeters(new SimpleMeterRegistry()));
        server =
                InProcessServerBuilder.forName(name)
                        .directExecutor()
                        .addService(
                                new AssignmentGrpcService(
                                        loop,
                                        runs,
                                        new StoredArtifacts(id -> runs.record(id).folder()),
                                        clock,
                                        LEASE,
                                        "1.0"))
                        .build()
                        .start();
        channel = InProcessChannelBuilder.forName(name).directExecutor().build();
        record =
                runs.submit(
                        "request", TestingPlans.supervised(), List.of("microBatches=2"), directory);
        runs.start("127.0.0.1:1");
    }

    @AfterEach
    void stop() {
        channel.shutdownNow();
        server.shutdownNow();
        loop.close();
        beside.shutdownNow();
        runs.close();
        store.close();
    }

    @Test
    void theOthersGoOnWithoutAStudentThatDoesNotSayInTimeWhereItStands() throws Exception {
        Student first = new Student("student-0", true);
        Student hung = new Student("student-1", false);
        hung.await(MessageCase.BEGIN);

        beat(DEADLINE);
        assertThat(notices()).isEmpty();

        beat(Duration.ofMillis(1));
        RunRoster roster = first.await(MessageCase.ROSTER).getRoster();

        assertThat(roster.getMembersList())
                .extracting(
                        RosterMember::getWorkerId,
                        RosterMember::getFirstMicroBatch,
                        RosterMember::getEndMicroBatch)
                .containsExactly(tuple("student-0", 0, 2));
        assertThat(notices())
                .extracting(Notice::getReason, Notice::getMessage)
                .containsExactly(
                        tuple(
                                "STUDENT_REMOVED",
                                "student student-1 has not said where it stands: epoch="
                                        + first.epoch
                                        + ", waited=PT1M; removed until it does, 1 go on"));
        assertThat(first.await(MessageCase.STEP).getStep().getMicroBatchesCount()).isEqualTo(2);
    }

    @Test
    void aStudentThatWasRemovedIsAMemberAgainOnceItAnswers() throws Exception {
        Student first = new Student("student-0", true);
        Student hung = new Student("student-1", false);
        long old = hung.await(MessageCase.BEGIN).getEpoch();
        beat(DEADLINE.plusMillis(1));
        first.await(MessageCase.ROSTER);

        hung.answers = true;
        hung.answer(old);
        RunRoster roster = hung.await(MessageCase.ROSTER).getRoster();

        assertThat(roster.getMembersList())
                .extracting(RosterMember::getWorkerId)
                .containsExactlyInAnyOrder("student-0", "student-1");
        assertThat(hung.epoch).isGreaterThan(old);
    }

    @Test
    void nobodyWaitsForARemovedStudentThatConnectsAgain() throws Exception {
        Student first = new Student("student-0", true);
        Student hung = new Student("student-1", false);
        hung.await(MessageCase.BEGIN);
        beat(DEADLINE.plusMillis(1));
        first.await(MessageCase.ROSTER);
        long epoch = first.epoch;
        hung.leave();

        Student again = new Student("student-1", false);

        assertThat(again.await(MessageCase.BEGIN).getEpoch())
                .as("asked in the epoch of the others, who go on in it")
                .isEqualTo(epoch);
        again.answers = true;
        again.answer(epoch);
        assertThat(again.await(MessageCase.ROSTER).getRoster().getMembersCount()).isEqualTo(2);
    }

    @Test
    void aRunWhoseOnlyStudentWasRemovedGoesOnWithIt() throws Exception {
        Student hung = new Student("student-0", false);
        long old = hung.await(MessageCase.BEGIN).getEpoch();
        beat(DEADLINE.plusMillis(1));
        assertThat(notices())
                .extracting(Notice::getMessage)
                .singleElement()
                .asString()
                .endsWith("removed until it does, nobody is left");

        hung.answers = true;
        hung.answer(old);

        assertThat(hung.await(MessageCase.ROSTER).getRoster().getMembersCount()).isEqualTo(1);
    }

    @Test
    void aStudentThatAnsweredIsNotRemovedHoweverLongItsStepsTake() throws Exception {
        Student only = new Student("student-0", true);
        only.await(MessageCase.STEP);

        beat(DEADLINE.multipliedBy(3));

        assertThat(notices()).isEmpty();
    }

    /** Lets time pass, and the coordinator look at it. */
    private void beat(Duration passed) {
        clock.advance(passed);
        loop.executeAndWait(runs::beat);
    }

    private List<Notice> notices() throws IOException {
        List<Notice> notices = new ArrayList<>();
        for (int i = 0; i < record.journal().count(); i++) {
            RunEvent event = record.journal().read(i);
            if (event.hasNotice()) {
                notices.add(event.getNotice());
            }
        }
        return notices;
    }

    /** A student-worker's stream; computes nothing. */
    private final class Student implements StreamObserver<WorkResponse> {
        private final BlockingQueue<WorkResponse> told = new LinkedBlockingQueue<>();
        private final StreamObserver<WorkRequest> requests;
        private volatile boolean answers;
        private volatile long epoch;

        Student(String workerId, boolean answers) {
            this.answers = answers;
            requests = AssignmentServiceGrpc.newStub(channel).work(this);
            requests.onNext(
                    WorkRequest.newBuilder()
                            .setJoin(
                                    StudentJoin.newBuilder()
                                            .setWorkerId(workerId)
                                            .setVersion("1.0")
                                            .setThreads(1)
                                            .setPlatform("testing")
                                            .setPrefetch(2))
                            .build());
        }

        /** Returns the next message of a kind; others before it are passed over. */
        WorkResponse await(MessageCase kind) throws InterruptedException {
            while (true) {
                WorkResponse next = told.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
                if (next == null) {
                    throw new AssertionError("waited in vain for " + kind);
                }
                if (next.getMessageCase() == kind) {
                    return next;
                }
            }
        }

        void answer(long of) {
            requests.onNext(
                    WorkRequest.newBuilder()
                            .setEpoch(of)
                            .setPosition(
                                    StudentPosition.newBuilder()
                                            .setRunId(record.folder().runId())
                                            .setStateSha256("0"))
                            .build());
        }

        void leave() {
            requests.onCompleted();
        }

        @Override
        public void onNext(WorkResponse message) {
            epoch = Math.max(epoch, message.getEpoch());
            told.add(message);
            if (message.hasBegin() && answers) {
                answer(message.getEpoch());
            }
        }

        @Override
        public void onError(Throwable cause) {
            // The test is over.
        }

        @Override
        public void onCompleted() {
            // It has left.
        }
    }
}
