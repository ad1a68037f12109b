package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.coordinator.worker.AssignmentGrpcService;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.Heartbeat;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.StepInterrupted;
import io.abmesh.proto.v1.StepReport;
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
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A student that lives but does not say where it stands, or leads and gets nothing done, in front
 * of the real membership code: what the coordinator's threads do, happens on the thread of the
 * caller or on its loop.
 */
final class StudentDeadlinesTest {
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
                        TestingRuns.parts(directory, loop, store, beside, clock),
                        Optional.empty(),
                        new CoordinatorMeters(new SimpleMeterRegistry()));
        server =
                InProcessServerBuilder.forName(name)
                        .directExecutor()
                        .addService(
                                new AssignmentGrpcService(
                                        loop,
                                        runs.workerListener(),
                                        new StoredArtifacts(
                                                id -> runs.record(id).folder(),
                                                id -> runs.record(id).epoch()),
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

        beat(TestingRuns.DEADLINE);
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
        beat(TestingRuns.DEADLINE.plusMillis(1));
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
        beat(TestingRuns.DEADLINE.plusMillis(1));
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
        beat(TestingRuns.DEADLINE.plusMillis(1));
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
    void nobodyIsRemovedForAStepHoweverLongItTakes() throws Exception {
        Student leader = new Student("student-0", false);
        long begun = leader.await(MessageCase.BEGIN).getEpoch();
        leader.computes = false;
        leader.answers = true;
        leader.answer(begun);
        Student other = new Student("student-1", true);
        other.awaitRoster("student-0", "student-1");
        leader.await(MessageCase.STEP);

        beat(TestingRuns.DEADLINE);
        beat(TestingRuns.DEADLINE);

        assertThat(notices()).isEmpty();
    }

    @Test
    void theOthersGoOnWithoutALeaderThatHangsInAnEvaluation() throws Exception {
        Student leader = new Student("student-0", true);
        Student other = new Student("student-1", true);
        leader.awaitRoster("student-0", "student-1");
        long asked = leader.await(MessageCase.EVALUATE).getEvaluate().getEvaluationId();
        beat(Duration.ZERO);
        leader.answers = false;

        beat(TestingRuns.DEADLINE);
        assertThat(notices()).isEmpty();

        beat(Duration.ofMillis(1));
        assertThat(other.awaitRoster("student-1").getNextStep()).isEqualTo(asked + 1);
        assertThat(other.await(MessageCase.EVALUATE).getEvaluate().getEvaluationId())
                .isEqualTo(asked);
        assertThat(notices())
                .extracting(Notice::getReason, Notice::getMessage)
                .containsExactly(
                        tuple(
                                "STUDENT_REMOVED",
                                "student student-0 gets nothing done: owed=evaluation behind step "
                                        + asked
                                        + ", epoch="
                                        + leader.leadsIn
                                        + ", waited=PT1M; removed until it says where it stands,"
                                        + " 1 go on"));
    }

    @Test
    void aLeaderThatWasRemovedIsAMemberAgainAndLeadsNoMore() throws Exception {
        Student leader = new Student("student-0", true);
        Student other = new Student("student-1", true);
        leader.awaitRoster("student-0", "student-1");
        leader.await(MessageCase.EVALUATE);
        beat(Duration.ZERO);

        beat(TestingRuns.DEADLINE.plusMillis(1));
        other.awaitRoster("student-1");
        other.awaitRoster("student-1", "student-0");
    }

    @Test
    void aLeaderIsWaitedForAsLongAsItGetsSomethingDone() throws Exception {
        Student leader = new Student("student-0", true);
        Student other = new Student("student-1", true);
        other.awaitRoster("student-0", "student-1");
        leader.awaitRoster("student-0", "student-1");
        long asked = leader.await(MessageCase.EVALUATE).getEvaluate().getEvaluationId();

        for (int batch = 1; batch <= 3; batch++) {
            leader.heartbeat(batch);
            beat(TestingRuns.DEADLINE);
        }

        assertThat(notices()).isEmpty();
        leader.evaluated();
        assertThat(leader.await(MessageCase.STEP).getStep().getStep()).isEqualTo(asked + 1);
    }

    @Test
    void aLeaderThatIsAloneIsWaitedForAndTheRunSaysSoOnce() throws Exception {
        Student only = new Student("student-0", true);
        long asked = only.await(MessageCase.EVALUATE).getEvaluate().getEvaluationId();
        beat(Duration.ZERO);

        beat(TestingRuns.DEADLINE.plusMillis(1));
        beat(TestingRuns.DEADLINE.plusMillis(1));

        assertThat(notices())
                .extracting(Notice::getReason, Notice::getMessage)
                .containsExactly(
                        tuple(
                                "STUDENT_HANGS",
                                "student student-0 gets nothing done: owed=evaluation behind step "
                                        + asked
                                        + ", epoch="
                                        + only.leadsIn
                                        + ", waited=PT1M; the run waits for it, nobody else is"
                                        + " there"));
        only.evaluated();
        assertThat(only.await(MessageCase.STEP).getStep().getStep()).isEqualTo(asked + 1);
    }

    @Test
    void aBatchThatCannotBeFetchedIsTriedInAFewEpochsBeforeTheRunEndsByName() throws Exception {
        Student student = new Student("student-0", false);
        WorkResponse begin = student.await(MessageCase.BEGIN);
        student.computes = false;
        student.answers = true;
        student.answer(begin.getEpoch());

        for (int i = 0; i < 3; i++) {
            student.awaitRoster("student-0");
            WorkResponse step = student.await(MessageCase.STEP);
            assertThat(record.snapshot().getState()).isEqualTo(RunState.RUN_STATE_RUNNING);
            student.cannotFetch(step);
        }

        student.await(MessageCase.END);
        beat(Duration.ZERO);
        assertThat(record.snapshot().getFailure().getMessage())
                .isEqualTo(
                        "students cannot do a step: 3 epochs without a step, the last at step 0 by"
                                + " student-0: batch cannot be fetched");
    }

    @Test
    void aRunWhoseEveryLeaderHangsStopsByName() throws Exception {
        Student first = new Student("student-0", true);
        Student second = new Student("student-1", true);
        Student leader = first;
        Student other = second;
        while (record.snapshot().getState() != RunState.RUN_STATE_FAILED) {
            leader.awaitRoster(leader.name, other.name);
            leader.await(MessageCase.EVALUATE);
            beat(Duration.ZERO);
            beat(TestingRuns.DEADLINE.plusMillis(1));
            Student last = leader;
            leader = other;
            other = last;
        }

        assertThat(record.snapshot().getFailure().getMessage())
                .startsWith("students cannot do a step: 20 epochs without a step")
                .contains("gets nothing done: owed=evaluation");
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

    /**
     * A student-worker's stream; computes nothing. Says of every step that it is done, and of an
     * evaluation only when it is told to.
     */
    private final class Student implements StreamObserver<WorkResponse> {
        private final BlockingQueue<WorkResponse> told = new LinkedBlockingQueue<>();
        private final StreamObserver<WorkRequest> requests;
        private final String name;
        private volatile boolean answers;
        private volatile boolean computes = true;
        private volatile long epoch;

        /** Last epoch that it led. */
        private volatile long leadsIn;

        private volatile long nextStep;
        private volatile long evaluation = -1;

        Student(String workerId, boolean answers) {
            this.name = workerId;
            this.answers = answers;
            AtomicReference<StreamObserver<WorkRequest>> opened = new AtomicReference<>();
            loop.executeAndWait(
                    () -> opened.set(AssignmentServiceGrpc.newStub(channel).work(this)));
            requests = opened.get();
            say(
                    WorkRequest.newBuilder()
                            .setJoin(
                                    StudentJoin.newBuilder()
                                            .setWorkerId(workerId)
                                            .setVersion("1.0")
                                            .setThreads(1)
                                            .setPlatform("testing")
                                            .setPrefetch(2)));
        }

        /**
         * Sends a message, and returns when the coordinator has it: a stream on direct executors is
         * for one thread, which is the loop's.
         */
        private void say(WorkRequest.Builder message) {
            loop.executeAndWait(() -> requests.onNext(message.build()));
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

        /** Returns the next roster of these students, the leader first. */
        RunRoster awaitRoster(String... members) throws InterruptedException {
            while (true) {
                RunRoster roster = await(MessageCase.ROSTER).getRoster();
                List<String> found =
                        roster.getMembersList().stream().map(RosterMember::getWorkerId).toList();
                if (found.equals(List.of(members))) {
                    return roster;
                }
            }
        }

        void answer(long of) {
            say(position(of));
        }

        private WorkRequest.Builder position(long of) {
            return WorkRequest.newBuilder()
                    .setEpoch(of)
                    .setPosition(
                            StudentPosition.newBuilder()
                                    .setRunId(record.folder().runId())
                                    .setNextStep(nextStep)
                                    .setStateSha256("0"));
        }

        /** Says that it has tried for long to get what a step needs. */
        void cannotFetch(WorkResponse step) {
            say(
                    WorkRequest.newBuilder()
                            .setEpoch(step.getEpoch())
                            .setInterrupted(
                                    StepInterrupted.newBuilder()
                                            .setRunId(record.folder().runId())
                                            .setStep(step.getStep().getStep())
                                            .setStatus(
                                                    ErrorStatuses.toStatus(
                                                            new MeshException(
                                                                    ErrorReason.BATCH_UNAVAILABLE,
                                                                    "batch cannot be"
                                                                            + " fetched")))));
        }

        /** Says that it lives, and how much it has done. */
        void heartbeat(long progress) {
            say(
                    WorkRequest.newBuilder()
                            .setEpoch(epoch)
                            .setHeartbeat(Heartbeat.newBuilder().setProgressCount(progress)));
        }

        /** Answers the evaluation that it was asked for. */
        void evaluated() {
            say(
                    WorkRequest.newBuilder()
                            .setEpoch(epoch)
                            .setEvaluation(
                                    EvaluationReport.newBuilder()
                                            .setEvaluationId(evaluation)
                                            .setCorrectCount(1)
                                            .setSampleCount(2)));
        }

        private void step(WorkResponse message) {
            nextStep = message.getStep().getStep() + 1;
            if (leadsIn == epoch) {
                requests.onNext(
                        WorkRequest.newBuilder()
                                .setEpoch(message.getEpoch())
                                .setStep(StepReport.newBuilder().setStep(nextStep - 1))
                                .build());
            }
        }

        void leave() {
            loop.executeAndWait(requests::onCompleted);
        }

        @Override
        public void onNext(WorkResponse message) {
            epoch = Math.max(epoch, message.getEpoch());
            if (message.hasBegin() && answers) {
                requests.onNext(position(message.getEpoch()).build());
            } else if (message.hasRoster()) {
                leadsIn = message.getRoster().getOwnIndex() == 0 ? message.getEpoch() : leadsIn;
            } else if (message.hasStep() && computes) {
                step(message);
            } else if (message.hasEvaluate()) {
                evaluation = message.getEvaluate().getEvaluationId();
            }
            told.add(message); // the test goes on, and may change how the next one is taken
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
