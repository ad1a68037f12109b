package io.abmesh.coordinator.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.abmesh.coordinator.process.TestingStudent.Checkpoints;
import io.abmesh.coordinator.process.TestingStudent.Pause;
import io.abmesh.coordinator.run.RunRecord;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.v1.CancelRunRequest;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.JoinMeshResponse;
import io.abmesh.proto.v1.MembershipServiceGrpc;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.SubmitRunRequest;
import io.abmesh.proto.v1.TrackEnded;
import io.abmesh.proto.v1.WatchRunRequest;
import io.abmesh.proto.v1.WatchRunResponse;
import io.abmesh.proto.v1.WorkRequest;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whole runs over loopback. The plan has 16 steps: 0 to 7 cross-entropy alone, 8 to 11 boundary, 12
 * to 15 kd; a checkpoint follows the steps 2, 5, 7, 8, 11, 14 and 15.
 */
final class CoordinatorProcessIT {
    private static final String VERSION = "1.0";
    private static final long DEADLINE_SECONDS = 60;

    @TempDir Path directory;

    private final Checkpoints checkpoints = new Checkpoints();
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private CoordinatorProcess coordinator;
    private ManagedChannel client;
    private String runId = "";

    @BeforeEach
    void start() {
        open(directory.resolve("store"));
    }

    @AfterEach
    void stop() throws Exception {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
        MeshChannels.close(client, Duration.ZERO);
        coordinator.close();
    }

    @Test
    void anUndisturbedRunAppliesEveryStepOnceAndLeavesItsResult() throws Exception {
        TestingStudent student = student();
        teacher("teacher-0");
        List<RunEvent> events = watch(submit(TestingPlans.distilled())).get();

        assertThat(steps(events)).containsExactlyElementsOf(upTo(16));
        assertThat(student.told)
                .startsWith("begin", "position 0", "step 0")
                .containsSubsequence(
                        "applied 7",
                        "evaluate 7",
                        "checkpoint",
                        "end-track cross-entropy",
                        "step 8")
                .containsSubsequence("applied 11", "checkpoint", "step 12")
                .containsSubsequence(
                        "applied 15", "evaluate 15", "checkpoint", "end-track distilled", "stored")
                .doesNotContain("evaluate 11");
        assertThat(events.stream().filter(RunEvent::hasPhaseEnded).map(e -> e.getPhaseEnded()))
                .extracting(PhaseEnded::getTrack, PhaseEnded::getPhase, PhaseEnded::getAccuracy)
                .containsExactly(
                        tuple("cross-entropy", "cross-entropy", 0.5),
                        tuple("distilled", "boundary", 0.0),
                        tuple("distilled", "kd", 0.5));
        assertThat(events.get(events.size() - 1).getRunEnded().getState())
                .isEqualTo(RunState.RUN_STATE_SUCCEEDED);
        assertThat(folder().resolve("student.onnx")).hasContent(result(events));
        assertThat(folder().resolve("report.html")).isNotEmptyFile();
        assertThat(report().path("state").asText()).isEqualTo("SUCCEEDED");
        assertThat(report().path("ledger").path("stepsCommitted").asInt()).isEqualTo(16);
        assertThat(report().path("parametersSha256").asText()).isEqualTo(result(events));
        assertThat(stepsOfMetrics()).containsExactlyElementsOf(upTo(16));
    }

    @Test
    void whatALostTeacherHeldIsStreamedToAnother() throws Exception {
        String expected = undisturbed();
        TestingStudent student = student();
        Pause pause = student.pauseBefore("step 9");
        TestingTeacher lost = teacher("teacher-0");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.distilled()));
        pause.awaitReached();
        TestingTeacher other = teacher("teacher-1");
        lost.close();
        pause.release();
        List<RunEvent> events = watched.get();

        assertThat(result(events)).isEqualTo(expected);
        assertThat(steps(events)).containsExactlyElementsOf(upTo(16));
        assertThat(notices(events)).contains("TEACHER_LOST");
        assertThat(student.told).contains("lost 9");
        assertThat(other.announced).isNotEmpty();
    }

    @Test
    void aTeacherThatOpensNoStreamIsToldOfOnceAndAskedAgain() throws Exception {
        student();
        teacher("teacher-0").refuseToOpen(2);
        List<RunEvent> events = watch(submit(TestingPlans.distilled())).get();

        assertThat(notices(events)).containsOnlyOnce("STREAM_NOT_OPENED");
        assertThat(events.get(events.size() - 1).getRunEnded().getState())
                .isEqualTo(RunState.RUN_STATE_SUCCEEDED);
    }

    @Test
    void aTeacherOfTwoStreamsServesPhasesThatNeedMoreOneAfterTheOther() throws Exception {
        student();
        teacher("teacher-0").serveAtMost(2);
        String phases =
                """
                  - {name: two, epochs: 1, losses: {kind: boundary, taps: [1, 2]}}
                  - {name: three, epochs: 1, losses: {kind: boundary, taps: [1]}}
                  - {name: four, epochs: 1, losses: [{kind: boundary, taps: [1]}, kd]}
                """;
        List<RunEvent> events = watch(submit(TestingPlans.distilled() + phases)).get();

        assertThat(events.get(events.size() - 1).getRunEnded().getState())
                .isEqualTo(RunState.RUN_STATE_SUCCEEDED);
    }

    @Test
    void aNewStudentGoesOnAtTheLastCheckpoint() throws Exception {
        String expected = undisturbed();
        TestingStudent lost = student();
        Pause pause = lost.pauseBefore("step 11");
        teacher("teacher-0");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.distilled()));
        pause.awaitReached();
        lost.close();
        TestingStudent next = student();
        List<RunEvent> events = watched.get();

        assertThat(next.told).startsWith("begin", "position 9", "step 9");
        assertThat(notices(events)).contains("STUDENT_LOST");
        assertThat(result(events)).isEqualTo(expected);
        assertThat(stepsOfMetrics()).containsExactlyElementsOf(upTo(16));
        assertThat(report().path("ledger").path("stepsCommitted").asInt()).isEqualTo(16);
    }

    @Test
    void aCoordinatorThatIsStartedAgainGoesOnAtTheLastCommittedStep() throws Exception {
        String expected = undisturbed();
        TestingStudent student = student();
        Pause pause = student.pauseBefore("step 10");
        TestingTeacher teacher = teacher("teacher-0");
        var unused = watch(submit(TestingPlans.distilled()));
        pause.awaitReached();
        restart(student, pause);
        CompletableFuture<List<RunEvent>> watched = watch(runId);
        join(student);
        teacher.join(address(), VERSION);
        List<RunEvent> events = watched.get();

        assertThat(result(events)).isEqualTo(expected);
        assertThat(student.told).containsSubsequence("applied 9", "position 10", "applied 10");
        assertThat(student.told.stream().filter("applied 9"::equals)).hasSize(1);
        assertThat(steps(events)).containsExactlyElementsOf(upTo(16));
        assertThat(stepsOfMetrics()).containsExactlyElementsOf(upTo(16));
        assertThat(teacher.announced).doesNotHaveDuplicates();
        assertThat(teacher.epochs).isSorted();
        assertThat(teacher.epochs.get(teacher.epochs.size() - 1))
                .as("epoch after the restart")
                .isGreaterThan(teacher.epochs.get(0));
    }

    @Test
    void stepsWhoseReportsWereLostWithACoordinatorAreWrittenDown() throws Exception {
        TestingStudent student = student();
        Pause pause = student.pauseBefore("step 9");
        Pause after = student.pauseBefore("step 11");
        TestingTeacher teacher = teacher("teacher-0");
        var unused = watch(submit(TestingPlans.distilled()));
        pause.awaitReached();
        student.mute(true);
        pause.release();
        student.awaitApplied(9);
        restart(student, after);
        student.mute(false);
        CompletableFuture<List<RunEvent>> watched = watch(runId);
        join(student);
        teacher.join(address(), VERSION);
        List<RunEvent> events = watched.get();

        assertThat(student.told.stream().filter("applied 9"::equals)).hasSize(1);
        assertThat(steps(events)).containsExactlyElementsOf(upTo(16));
        assertThat(stepsOfMetrics()).containsExactlyElementsOf(upTo(16));
        assertThat(report().path("ledger").path("stepsCommitted").asInt()).isEqualTo(16);
    }

    @Test
    void theEndOfATrackThatIsToldAgainComesBehindAnEvaluation() throws Exception {
        TestingStudent lost = student();
        Pause pause = lost.pauseBefore("end-track distilled");
        teacher("teacher-0");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.distilled()));
        pause.awaitReached();
        lost.close();
        TestingStudent next = student();
        List<RunEvent> events = watched.get();

        // The lost student's word on its checkpoint may have been on its way when it was lost.
        assertThat(next.told.stream().filter(told -> !told.equals("checkpoint")))
                .startsWith("begin", "position 16", "evaluate 15", "end-track distilled", "stored");
        assertThat(
                        events.stream()
                                .filter(RunEvent::hasPhaseEnded)
                                .filter(e -> e.getPhaseEnded().getPhase().equals("kd")))
                .hasSize(1);
    }

    @Test
    void theNextTrackWaitsForTheEndOfTheOneBefore() throws Exception {
        TestingStudent student = student();
        Pause pause = student.pauseBefore("evaluate 7");
        teacher("teacher-0");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.distilled()));
        pause.awaitReached();
        student.close();
        TestingStudent next = student();
        List<RunEvent> events = watched.get();

        assertThat(next.told).startsWith("begin", "position 6");
        assertThat(events.stream().filter(RunEvent::hasEvaluated).map(RunEvent::getEvaluated))
                .extracting(Evaluated::getStep)
                .containsExactly(7L, 15L);
    }

    @Test
    void aMessageOfAnOlderEpochIsRefused() throws Exception {
        TestingStudent lost = student();
        Pause first = lost.pauseBefore("step 3");
        teacher("teacher-0");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.distilled()));
        first.awaitReached();
        lost.close();
        TestingStudent next = new TestingStudent(checkpoints);
        opened.push(next);
        Pause second = next.pauseBefore("step 4");
        join(next);
        second.awaitReached();
        next.say(
                WorkRequest.newBuilder()
                        .setStep(StepReport.newBuilder().setRunId(runId).setStep(4).setLoss(99)),
                1);
        second.release();
        List<RunEvent> events = watched.get();

        assertThat(
                        events.stream()
                                .filter(RunEvent::hasStepCommitted)
                                .map(e -> e.getStepCommitted().getLoss()))
                .doesNotContain(99.0);
        assertThat(report().path("ledger").path("messagesRefused").asInt()).isEqualTo(1);
    }

    @Test
    void aPhaseEndsAtItsPlateauAlsoWhenTheCoordinatorIsStartedAgainThere() throws Exception {
        String[] overrides = {
            "phases[0].epochs=5", "phases[0].until.plateauEpochs=1", "compare.crossEntropy=false"
        };
        TestingStudent student = student();
        Pause pause = student.pauseBefore("step 7");
        TestingTeacher teacher = teacher("teacher-0");
        var unused = watch(submit(TestingPlans.distilled(), overrides));
        pause.awaitReached();
        student.mute(true);
        pause.release();
        student.awaitApplied(7);
        RunRecord before = coordinator.runs().record(runId);
        restart(student, pause);
        assertThat(before.snapshot().getTotalSteps()).isEqualTo(24);
        assertThat(coordinator.runs().record(runId).snapshot()).isEqualTo(before.snapshot());
        student.mute(false);
        CompletableFuture<List<RunEvent>> watched = watch(runId);
        join(student);
        teacher.join(address(), VERSION);
        List<RunEvent> events = watched.get();

        // The agreement never rises: two epochs of four steps, then kd from step 20 on.
        assertThat(notices(events)).contains("PHASE_PLATEAU");
        assertThat(steps(events))
                .containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 20L, 21L, 22L, 23L);
        assertThat(student.told).containsSubsequence("applied 7", "position 8", "applied 20");
    }

    @Test
    void studentsShareTheMicroBatchesAndTheirLeaderReports() throws Exception {
        TestingStudent first = student("student-0");
        Pause held = first.pauseBefore("step 0");
        teacher("teacher-0");
        CompletableFuture<List<RunEvent>> watched =
                watch(submit(TestingPlans.distilled(), "microBatches=2"));
        held.awaitReached();
        TestingStudent second = new TestingStudent("student-1", checkpoints);
        opened.push(second);
        Pause asked = second.pauseBefore("begin");
        join(second);
        asked.awaitReached();
        held.release();
        asked.release();
        List<RunEvent> events = watched.get();

        assertThat(steps(events)).endsWith(15L).doesNotHaveDuplicates();
        RunRoster roster = second.rosters().get(0);
        assertThat(roster.getOwnIndex()).isEqualTo(1);
        assertThat(roster.getMembersList())
                .extracting(
                        RosterMember::getWorkerId,
                        RosterMember::getFirstMicroBatch,
                        RosterMember::getEndMicroBatch)
                .containsExactly(tuple("student-0", 0, 1), tuple("student-1", 1, 2));
        assertThat(second.told).contains("position 0").doesNotContain("evaluate 15");
        assertThat(first.told).contains("applied 15", "evaluate 15", "stored");
        assertThat(report().path("ledger").path("epochs").asInt())
                .as("the first alone, then both")
                .isEqualTo(2);
    }

    @Test
    void studentsThatComputeWithOtherThreadsOrOnAnotherPlatformAreWarnedAbout() throws Exception {
        Pause held = student("student-0").pauseBefore("step 0");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.supervised()));
        held.awaitReached();
        joinAndWait(new TestingStudent("student-1", checkpoints).withThreads(2));
        joinAndWait(new TestingStudent("student-2", checkpoints).withPlatform("another"));
        held.release();

        assertThat(
                        watched.get().stream()
                                .filter(RunEvent::hasNotice)
                                .map(event -> event.getNotice())
                                .filter(notice -> notice.getReason().equals("STUDENTS_DIFFER"))
                                .map(notice -> notice.getMessage()))
                .containsExactly(
                        "student student-1 computes with 2 threads on testing, student-0 with 1 on testing:"
                                + " the result may differ in its last bits",
                        "student student-2 computes with 1 threads on another, student-0 with 1 on testing:"
                                + " the result may differ in its last bits");
    }

    private void joinAndWait(TestingStudent student) throws InterruptedException {
        opened.push(student);
        Pause asked = student.pauseBefore("begin");
        join(student);
        asked.awaitReached();
        asked.release();
    }

    @Test
    void workersOfAnotherVersionAreRefusedByName() throws Exception {
        TestingStudent student = new TestingStudent(checkpoints);
        TestingTeacher teacher = new TestingTeacher("teacher-0");
        opened.push(student);
        opened.push(teacher);
        student.connect(address(), "0.9");
        teacher.join(address(), "0.9");

        assertThat(student.refused().get(DEADLINE_SECONDS, TimeUnit.SECONDS))
                .hasMessage("student is of another version: found=0.9, expected=1.0")
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.VERSION_MISMATCH);
        assertThat(teacher.refused().get(DEADLINE_SECONDS, TimeUnit.SECONDS))
                .hasMessage("teacher is of another version: found=0.9, expected=1.0")
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.VERSION_MISMATCH);
    }

    @Test
    void aWorkerWhoseBytesAreNoMessageIsLostAtOnce() {
        MethodDescriptor<JoinMeshRequest, JoinMeshResponse> join =
                MembershipServiceGrpc.getJoinMeshMethod();
        StreamObserver<byte[]> teacher =
                ClientCalls.asyncBidiStreamingCall(
                        client.newCall(
                                join.toBuilder(new Bytes(), join.getResponseMarshaller()).build(),
                                CallOptions.DEFAULT),
                        new Ignoring<>());
        teacher.onNext(
                JoinMeshRequest.newBuilder()
                        .setWorkerId("teacher-0")
                        .setAddress("127.0.0.1:1")
                        .setVersion(VERSION)
                        .build()
                        .toByteArray());
        TestingMesh.awaitWorkers(coordinator, 0, 1);

        teacher.onNext(new byte[] {-1});

        TestingMesh.awaitWorkers(coordinator, 0, 0);
    }

    @Test
    void theOthersGoOnWhenTheLeaderIsLost() throws Exception {
        TestingStudent leader = student("student-0");
        Pause held = leader.pauseBefore("step 0");
        Pause pause = leader.pauseBefore("step 5");
        teacher("teacher-0");
        CompletableFuture<List<RunEvent>> watched =
                watch(submit(TestingPlans.distilled(), "microBatches=2"));
        held.awaitReached();
        TestingStudent other = new TestingStudent("student-1", checkpoints);
        opened.push(other);
        Pause asked = other.pauseBefore("begin");
        join(other);
        asked.awaitReached();
        asked.release();
        held.release();
        pause.awaitReached();
        leader.close();
        List<RunEvent> events = watched.get();

        RunRoster last = other.rosters().get(other.rosters().size() - 1);
        assertThat(last.getMembersList())
                .extracting(RosterMember::getWorkerId, RosterMember::getEndMicroBatch)
                .containsExactly(tuple("student-1", 2));
        assertThat(notices(events)).contains("STUDENT_LOST");
        assertThat(steps(events)).endsWith(15L);
        assertThat(other.told).contains("applied 15", "evaluate 15", "stored");
    }

    @Test
    void aStepThatIsInterruptedIsTriedAgainInANewEpoch() throws Exception {
        TestingStudent student = student("student-0");
        Pause pause = student.pauseBefore("step 5");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.supervised()));
        pause.awaitReached();
        student.interrupt(
                5, new MeshException(ErrorReason.CHECKSUM_MISMATCH, "bytes are not those"));
        student.awaitAsked(2);
        pause.release();
        List<RunEvent> events = watched.get();

        assertThat(notices(events)).contains("STEP_INTERRUPTED");
        assertThat(steps(events)).endsWith(7L);
        assertThat(student.told).containsSubsequence("begin", "position 5", "step 5", "applied 5");
        assertThat(report().path("ledger").path("epochs").asInt()).isEqualTo(2);
        assertThat(report().path("ledger").path("refused").path("CHECKSUM_MISMATCH").asInt())
                .isEqualTo(1);
    }

    @Test
    void whatWasRefusedBeforeTheCoordinatorWasStartedAgainIsInItsReport() throws Exception {
        TestingStudent student = student();
        Pause pause = student.pauseBefore("step 5");
        var unused = watch(submit(TestingPlans.supervised()));
        pause.awaitReached();
        student.interrupt(
                5, new MeshException(ErrorReason.CHECKSUM_MISMATCH, "bytes are not those"));
        student.awaitAsked(2);
        restart(student, pause);
        CompletableFuture<List<RunEvent>> watched = watch(runId);
        join(student);

        assertThat(steps(watched.get())).endsWith(7L);
        assertThat(report().path("ledger").path("messagesRefused").asInt()).isEqualTo(1);
        assertThat(report().path("ledger").path("refused").path("CHECKSUM_MISMATCH").asInt())
                .isEqualTo(1);
    }

    @Test
    void aMicroBatchThatFailsOnThreeTeachersEndsTheRunAndNamesItsSamples() throws Exception {
        student();
        for (int i = 0; i < 4; i++) {
            teacher("teacher-" + i).failOn(9);
        }
        List<RunEvent> events = watch(submit(TestingPlans.distilled())).get();

        var end = events.get(events.size() - 1).getRunEnded();
        assertThat(ErrorStatuses.fromStatus(end.getFailure()).reason())
                .isEqualTo(ErrorReason.BATCH_FAILED);
        assertThat(end.getFailure().getMessage())
                .startsWith("a micro-batch fails wherever it is computed: step=9, micro-batch=")
                .contains("samples=[")
                .containsPattern(
                        "teachers=\\[teacher-(\\d), teacher-(?!\\1)(\\d), teacher-(?!\\1|\\2)\\d]");
    }

    @Test
    void aTapWithoutBoundaryEndsTheRunBeforeAnythingIsLearnedFromIt() throws Exception {
        student();
        teacher("teacher-0").fire(1);
        List<RunEvent> events = watch(submit(TestingPlans.distilled())).get();

        var end = events.get(events.size() - 1).getRunEnded();
        assertThat(ErrorStatuses.fromStatus(end.getFailure()).reason())
                .isEqualTo(ErrorReason.TAP_WITHOUT_BOUNDARY);
        assertThat(end.getFailure().getMessage())
                .startsWith("teacher's tap has no boundary to learn: tap=t1, found=every response");
        assertThat(steps(events)).isSubsetOf(upTo(8));
    }

    @Test
    void whatATeacherKnowsOfTheTestImagesIsToldBeforeAnythingIsLearnedFromIt() {
        teacher("teacher-0").know(0.9);

        assertThat(firstNotice(submit(TestingPlans.distilled())))
                .matches("TEACHER_ACCURACY: the teacher has \\d+ of \\d+ test images right, .*");
    }

    @Test
    void aTeacherThatKnowsNoMoreThanChanceIsToldAsAProblem() {
        teacher("teacher-0").know(0.1);

        assertThat(firstNotice(submit(TestingPlans.distilled())))
                .startsWith("TEACHER_AT_CHANCE: the teacher has ")
                .endsWith("check teacher.normalization and the order of its classes");
    }

    @Test
    void tapsThatHardlyFireAreToldOnceEach() throws Exception {
        student();
        teacher("teacher-0").fire(0.01);
        List<RunEvent> events = watch(submit(TestingPlans.distilled())).get();

        assertThat(notices(events).stream().filter("TAP_UNBALANCED"::equals)).hasSize(3);
        assertThat(events.get(events.size() - 1).getRunEnded().getState())
                .isEqualTo(RunState.RUN_STATE_SUCCEEDED);
    }

    @Test
    void aCancelledRunEndsForWatchersAndStudent() throws Exception {
        TestingStudent student = student();
        Pause pause = student.pauseBefore("step 5");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.supervised()));
        pause.awaitReached();
        Run cancelled =
                RunServiceGrpc.newBlockingStub(client)
                        .cancelRun(CancelRunRequest.newBuilder().setRunId(runId).build())
                        .getRun();
        Pause told = student.pauseBefore("end");
        pause.release();
        told.awaitReached();
        List<RunEvent> events = watched.get();

        assertThat(cancelled.getState()).isEqualTo(RunState.RUN_STATE_CANCELLED);
        assertThat(events.get(events.size() - 1).getRunEnded().getState())
                .isEqualTo(RunState.RUN_STATE_CANCELLED);
        assertThat(report().path("state").asText()).isEqualTo("CANCELLED");
    }

    @Test
    void aReportThatCannotBeWrittenEndsTheRunByName() throws Exception {
        TestingStudent student = student();
        Pause pause = student.pauseBefore("step 5");
        CompletableFuture<List<RunEvent>> watched = watch(submit(TestingPlans.supervised()));
        pause.awaitReached();
        Files.createDirectories(folder().resolve("report.json").resolve("in the way"));
        pause.release();
        List<RunEvent> events = watched.get();

        var end = events.get(events.size() - 1).getRunEnded();
        assertThat(end.getState()).isEqualTo(RunState.RUN_STATE_FAILED);
        assertThat(ErrorStatuses.fromStatus(end.getFailure()).reason())
                .isEqualTo(ErrorReason.STORE_FULL);
        assertThat(end.getFailure().getMessage())
                .startsWith("cannot use the store: path=" + folder().resolve("report.json"));
    }

    @Test
    void theNextRunGetsTheSameStudentAlsoWhenTheFirstHadLostOne() throws Exception {
        TestingStudent lost = student();
        Pause pause = lost.pauseBefore("step 3");
        CompletableFuture<List<RunEvent>> first =
                watch(submit(TestingPlans.supervised(), "seed=1"));
        CompletableFuture<List<RunEvent>> second =
                watch(submit(TestingPlans.supervised(), "seed=2"));
        pause.awaitReached();
        lost.close();
        student();

        assertThat(steps(first.get())).endsWith(7L);
        assertThat(second.get().get(second.get().size() - 1).getRunEnded().getState())
                .isEqualTo(RunState.RUN_STATE_SUCCEEDED);
    }

    /** Runs the plan with a mesh of its own; returns the parameters at its end. */
    private String undisturbed() throws Exception {
        try (TestingStudent student = new TestingStudent(new Checkpoints());
                TestingTeacher teacher = new TestingTeacher("teacher-9")) {
            join(student);
            teacher.join(address(), VERSION);
            return result(watch(submit(TestingPlans.distilled())).get());
        }
    }

    private void open(Path store) {
        coordinator =
                CoordinatorProcess.start(
                        new TestingConfig(store), new SimpleMeterRegistry(), VERSION);
        client = MeshChannels.open("test", address());
    }

    /** Stops the coordinator and starts it again on its store; the student is not back yet. */
    private void restart(TestingStudent student, Pause pause) {
        MeshChannels.close(client, Duration.ZERO);
        coordinator.close();
        student.disconnect();
        pause.release();
        open(directory.resolve("store"));
    }

    private TestingStudent student() {
        return student("student-0");
    }

    private TestingStudent student(String name) {
        TestingStudent student = new TestingStudent(name, checkpoints);
        opened.push(student);
        join(student);
        return student;
    }

    private void join(TestingStudent student) {
        student.connect(address(), VERSION);
    }

    private TestingTeacher teacher(String name) {
        TestingTeacher teacher = new TestingTeacher(name);
        opened.push(teacher);
        teacher.join(address(), VERSION);
        return teacher;
    }

    private String address() {
        return "127.0.0.1:" + coordinator.grpcPort();
    }

    private String submit(String plan, String... overrides) {
        runId =
                RunServiceGrpc.newBlockingStub(client)
                        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .submitRun(
                                SubmitRunRequest.newBuilder()
                                        .setRequestId("request-" + System.nanoTime())
                                        .setPlanYaml(plan)
                                        .setBaseDirectory(directory.toString())
                                        .addAllOverrides(Arrays.asList(overrides))
                                        .build())
                        .getRun()
                        .getRunId();
        return runId;
    }

    /** Returns the events of a run once it has ended. */
    private CompletableFuture<List<RunEvent>> watch(String run) {
        List<RunEvent> events = new ArrayList<>();
        CompletableFuture<List<RunEvent>> ended = new CompletableFuture<>();
        RunServiceGrpc.newStub(client)
                .watchRun(
                        WatchRunRequest.newBuilder().setRunId(run).setAfterEvent(-1).build(),
                        new StreamObserver<>() {
                            @Override
                            public void onNext(WatchRunResponse response) {
                                if (response.hasEvent()) {
                                    events.add(response.getEvent());
                                }
                            }

                            @Override
                            public void onError(Throwable cause) {
                                ended.completeExceptionally(cause);
                            }

                            @Override
                            public void onCompleted() {
                                ended.complete(List.copyOf(events));
                            }
                        });
        return ended.orTimeout(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private String firstNotice(String run) {
        Iterator<WatchRunResponse> responses =
                RunServiceGrpc.newBlockingStub(client)
                        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .watchRun(
                                WatchRunRequest.newBuilder()
                                        .setRunId(run)
                                        .setAfterEvent(-1)
                                        .build());
        while (true) {
            RunEvent event = responses.next().getEvent();
            if (event.hasNotice()) {
                return event.getNotice().getReason() + ": " + event.getNotice().getMessage();
            }
        }
    }

    private Path folder() {
        return directory.resolve("store").resolve(runId);
    }

    private JsonNode report() throws IOException {
        return new ObjectMapper().readTree(folder().resolve("report.json").toFile());
    }

    private List<Long> stepsOfMetrics() throws IOException {
        List<Long> steps = new ArrayList<>();
        for (String line : Files.readAllLines(folder().resolve("metrics.jsonl"))) {
            JsonNode metric = new ObjectMapper().readTree(line);
            if (metric.path("type").asText().equals("step")) {
                steps.add(metric.path("step").asLong());
            }
        }
        return steps;
    }

    private static List<Long> upTo(long count) {
        return LongStream.range(0, count).boxed().toList();
    }

    private static List<Long> steps(List<RunEvent> events) {
        return events.stream()
                .filter(RunEvent::hasStepCommitted)
                .map(RunEvent::getStepCommitted)
                .map(StepCommitted::getStep)
                .toList();
    }

    private static List<String> notices(List<RunEvent> events) {
        return events.stream()
                .filter(RunEvent::hasNotice)
                .map(event -> event.getNotice().getReason())
                .toList();
    }

    private static String result(List<RunEvent> events) {
        return events.stream()
                .filter(RunEvent::hasTrackEnded)
                .map(RunEvent::getTrackEnded)
                .filter(ended -> ended.getTrack().equals("distilled"))
                .map(TrackEnded::getParametersSha256)
                .findFirst()
                .orElseThrow();
    }

    /** Sends bytes as they are. */
    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] bytes) {
            return new ByteArrayInputStream(bytes);
        }

        @Override
        public byte[] parse(InputStream bytes) {
            throw new UnsupportedOperationException("only sends");
        }
    }

    private static final class Ignoring<T> implements StreamObserver<T> {
        @Override
        public void onNext(T message) {}

        @Override
        public void onError(Throwable cause) {}

        @Override
        public void onCompleted() {}
    }
}
