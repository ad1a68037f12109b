package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.run.TeacherFeed.MicroKey;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.v1.BatchFailed;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.Credit;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.StreamOpened;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.api.trace.Span;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Steps of one micro-batch each, fed over loopback to teachers that answer when the test says so.
 */
final class TeacherFeedIT {
    private static final String MODEL = "5".repeat(64);
    private static final int SAMPLES = 10;
    private static final long PATIENCE_SECONDS = 60;

    @TempDir Path directory;

    private final TestingClock clock = new TestingClock();
    private final Loop loop = new Loop();
    private final Deque<Teacher> teachers = new ArrayDeque<>();
    private final Map<Long, FedStep> steps = new HashMap<>();
    private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
    private final BlockingQueue<String> notices = new LinkedBlockingQueue<>();
    private OpenedRun run;
    private TeacherFeed feed;

    @BeforeEach
    void open() {
        CompletePlan plan =
                PlanReader.read(
                        TestingPlans.distilled(),
                        List.of("phases[0].losses=[kd, crossEntropy]", "microBatches=1"));
        DescribeTeacherResponse teacher =
                DescribeTeacherResponse.newBuilder()
                        .setModelSha256(MODEL)
                        .setClassCount(10)
                        .build();
        run = TestingRuns.opened(directory, plan, teacher, clock);
        feed =
                new TeacherFeed(
                        run, run.teacher(), TestingRuns.surroundings(loop, clock), new Told(), 1);
    }

    @AfterEach
    void close() {
        loop.executeAndWait(feed::close);
        loop.close();
        teachers.forEach(teacher -> teacher.server.stop(Duration.ZERO));
        run.log().close();
        run.record().close();
        run.world().close();
    }

    @Test
    void aLaterStepGivesWayToOneThatHasLostItsTeacher() throws Exception {
        Teacher lost = new Teacher("lost", 1);
        Teacher left = new Teacher("left", 1);
        hold(lost, left);

        loop.executeAndWait(() -> feed.leave(lost.member));

        left.await("release 1");
        left.await("0");
        assertThat(steps.get(1L).complete()).as("fetched before it is computed again").isFalse();
        left.answer(0);
        await("ready 0");
        loop.executeAndWait(() -> feed.release(new MicroKey(0, 0)));
        left.await("release 0");
        left.await("1");
        left.answer(1);
        await("ready 1");
    }

    @Test
    void aLaterStepGivesWayToOneThatAnotherTeacherHasFailedOn() throws Exception {
        Teacher failing = new Teacher("failing", 1);
        Teacher other = new Teacher("other", 1);
        hold(failing, other);

        failing.fail(0);

        other.await("release 1");
        other.await("0");
        failing.await("1");
    }

    @Test
    void noMoreStepsGiveWayThanNeedBeAndTheNewestFirst() throws Exception {
        Teacher lost = new Teacher("lost", 1);
        Teacher left = new Teacher("left", 3);
        join(lost);
        offer(0);
        lost.await("0");
        join(left);
        for (long step = 1; step <= 3; step++) {
            offer(step);
            left.await(Long.toString(step));
        }

        loop.executeAndWait(
                () -> {
                    feed.leave(lost.member);
                    begin(4); // before the teacher can have heard of it
                    assertThat(feed.queue(left.member).heldCount()).isEqualTo(2);
                });

        left.answer(3);
        left.await("release 3");
        left.await("0");
    }

    @Test
    void aStepThatTheStudentsWereToldOfDoesNotGiveWay() throws Exception {
        Teacher lost = new Teacher("lost", 1);
        Teacher left = new Teacher("left", 1);
        hold(lost, left);

        loop.executeAndWait(
                () -> {
                    steps.values().forEach(FedStep::assign);
                    feed.leave(lost.member);
                    assertThat(feed.queue(left.member).heldCount()).isEqualTo(1);
                    assertThat(feed.waiting()).isEqualTo(1);
                });
    }

    @Test
    void aStepThatTakesMoreThanItsTeachersHoldIsToldOfOnceAndWaitsForAnother() throws Exception {
        Teacher small = new Teacher("small", 1);
        join(small);
        loop.executeAndWait(
                () -> {
                    FedStep step = new FedStep(2, Span.getInvalid());
                    steps.put(0L, step);
                    offer(step, 0, 0);
                    offer(step, 0, 1);
                });
        small.await("0");
        small.answer(0);
        await("ready 0");

        beat(Duration.ZERO);
        beat(TestingRuns.DEADLINE);
        assertThat(notices).isEmpty();
        beat(Duration.ofMillis(1));
        beat(TestingRuns.DEADLINE);
        assertThat(notices)
                .containsExactly(
                        "STEP_EXCEEDS_CREDIT step 0 takes more than its teachers hold at a time:"
                                + " micro-batch=10 bytes, streamed=1 of its micro-batches,"
                                + " credit=10 bytes, teachers=1; it waits for another one: start"
                                + " it, use a smaller batch or raise"
                                + " abmesh.teacher.held-memory");

        Teacher other = new Teacher("other", 1);
        join(other);
        other.await("0");
    }

    /** One computes step 0, and the other has computed step 1. */
    private void hold(Teacher first, Teacher second) throws InterruptedException {
        join(first);
        offer(0);
        first.await("0");
        join(second);
        offer(1);
        second.await("1");
        second.answer(1);
        await("ready 1");
    }

    private void beat(Duration passed) {
        clock.advance(passed);
        loop.executeAndWait(feed::beat);
    }

    private void join(Teacher teacher) {
        loop.executeAndWait(() -> feed.join(teacher.member));
    }

    private void offer(long step) {
        loop.executeAndWait(() -> begin(step));
    }

    private void begin(long step) {
        FedStep work = new FedStep(1, Span.getInvalid());
        steps.put(step, work);
        offer(work, step, 0);
    }

    private void offer(FedStep work, long step, int micro) {
        feed.offer(
                new MicroKey(step, micro),
                run.plan().getPhases(0),
                SAMPLES,
                false,
                work,
                () -> run.world().schedule().microBatch(step, 0));
    }

    /** Waits until the feed tells that, and nothing before it. */
    private void await(String what) throws InterruptedException {
        assertThat(told.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(what);
    }

    private final class Told implements TeacherFeed.Listener {
        @Override
        public void ready(MicroKey key, String batchId, TeacherMember teacher, BatchReady answer) {
            step(key).answered(key.micro(), BatchReference.getDefaultInstance(), answer);
            told.add("ready " + key.step());
        }

        @Override
        public void lost(MicroKey key) {
            step(key).lost(key.micro());
        }

        private FedStep step(MicroKey key) {
            return Optional.ofNullable(steps.get(key.step())).orElseThrow();
        }

        @Override
        public void credited() {}

        @Override
        public void failed(MeshException cause) {
            told.add("failed " + cause.getMessage());
        }

        @Override
        public void notice(String reason, String message) {
            notices.add(reason + " " + message);
        }
    }

    /** A teacher-worker with one stream, whose batches are called by their step. */
    private final class Teacher extends TeacherServiceGrpc.TeacherServiceImplBase
            implements StreamObserver<StreamBatchesRequest> {
        private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
        private final Map<Long, String> batchIds = new ConcurrentHashMap<>();
        private final Set<Long> released = new HashSet<>();
        private final Set<Long> answered = new HashSet<>();
        private final int most;
        private final MeshServer server;
        private final TeacherMember member;
        private @Nullable StreamObserver<StreamBatchesResponse> client;

        /** Holds so many batches at a time. */
        Teacher(String name, int most) {
            this.most = most;
            this.server = MeshServer.start(name, "127.0.0.1", 0, 2, List.of(this));
            server.serving();
            this.member = new TeacherMember(1, name, server.address(), MODEL, Optional.empty());
            teachers.add(this);
        }

        /** Waits until the feed has said that, and nothing before it. */
        void await(String what) throws InterruptedException {
            assertThat(heard.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(what);
        }

        synchronized void answer(long step) {
            say(
                    StreamBatchesResponse.newBuilder()
                            .setReady(BatchReady.newBuilder().setBatchId(batchIds.get(step))));
            answered.add(step);
            giveBack(step);
        }

        synchronized void fail(long step) {
            MeshException cause = new MeshException(ErrorReason.TEACHER_FAILED, "cannot");
            say(
                    StreamBatchesResponse.newBuilder()
                            .setFailed(
                                    BatchFailed.newBuilder()
                                            .setBatchId(batchIds.get(step))
                                            .setStatus(ErrorStatuses.toStatus(cause))));
            credit();
        }

        @Override
        public synchronized StreamObserver<StreamBatchesRequest> streamBatches(
                StreamObserver<StreamBatchesResponse> answers) {
            client = answers;
            return this;
        }

        @Override
        public synchronized void onNext(StreamBatchesRequest message) {
            switch (message.getMessageCase()) {
                case OPEN ->
                        say(
                                StreamBatchesResponse.newBuilder()
                                        .setOpened(
                                                StreamOpened.newBuilder()
                                                        .setCostBytes(1)
                                                        .setCreditBytes((long) most * SAMPLES)));
                case BATCH -> {
                    long step = message.getBatch().getStep();
                    batchIds.put(step, message.getBatch().getBatchId());
                    answered.remove(step);
                    released.remove(step);
                    heard.add(Long.toString(step));
                }
                case RELEASE -> {
                    long step = Long.parseLong(message.getRelease().getBatchId().split("/", -1)[2]);
                    released.add(step);
                    heard.add("release " + step);
                    giveBack(step);
                }
                case FRAME, MESSAGE_NOT_SET -> {}
            }
        }

        /** A batch that is let go while it is computed takes its room until then. */
        private void giveBack(long step) {
            if (answered.contains(step) && released.contains(step)) {
                credit();
            }
        }

        private void credit() {
            say(
                    StreamBatchesResponse.newBuilder()
                            .setCredit(Credit.newBuilder().setBytes(SAMPLES)));
        }

        private void say(StreamBatchesResponse.Builder message) {
            Optional.ofNullable(client).orElseThrow().onNext(message.build());
        }

        @Override
        public void onError(Throwable cause) {
            // The feed has left it.
        }

        @Override
        public void onCompleted() {
            // The feed has left it.
        }
    }
}
