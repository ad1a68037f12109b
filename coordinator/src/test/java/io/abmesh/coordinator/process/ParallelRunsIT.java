package io.abmesh.coordinator.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.coordinator.process.TestingStudent.Checkpoints;
import io.abmesh.coordinator.process.TestingStudent.Pause;
import io.abmesh.coordinator.run.MeshState;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.v1.CancelRunRequest;
import io.abmesh.proto.v1.RunEnded;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.SubmitRunRequest;
import io.abmesh.proto.v1.TrackEnded;
import io.abmesh.proto.v1.WatchRunRequest;
import io.abmesh.proto.v1.WatchRunResponse;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two runs of one coordinator at once, over loopback. The runs differ in their seeds and so in
 * their samples; a student's parameters are a digest of every tensor that it was given, so that one
 * batch of the other run would be seen at the end.
 */
final class ParallelRunsIT {
    private static final String VERSION = "1.0";
    private static final long DEADLINE_SECONDS = 60;
    private static final String FIRST = "first";
    private static final String SECOND = "second";

    @TempDir Path directory;

    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final Map<String, String> runIds = new HashMap<>();
    private MeterRegistry registry;
    private CoordinatorProcess coordinator;
    private ManagedChannel client;

    @BeforeEach
    void start() {
        open("store");
    }

    @AfterEach
    void stop() throws Exception {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
        shut();
    }

    @Test
    void bothGoOnAtOnceAndEachEndsAsItDoesAlone() throws Exception {
        Map<String, String> alone = alone();
        TestingStudent first = student(FIRST);
        TestingStudent second = student(SECOND);
        Pause inFirst = first.pauseBefore("step 9");
        Pause inSecond = second.pauseBefore("step 9");
        teacher(FIRST);
        teacher(SECOND);
        CompletableFuture<List<RunEvent>> firstEvents = watch(submit(FIRST, 1));
        CompletableFuture<List<RunEvent>> secondEvents = watch(submit(SECOND, 2));
        inFirst.awaitReached();
        inSecond.awaitReached();
        MeshState mesh = coordinator.runs().mesh();
        inFirst.release();
        inSecond.release();

        assertThat(mesh.work())
                .extracting(MeshState.Work::runId)
                .containsExactly(runIds.get(FIRST), runIds.get(SECOND));
        assertThat(mesh.students())
                .extracting(MeshState.Student::runId)
                .containsExactlyInAnyOrder(
                        Optional.of(runIds.get(FIRST)), Optional.of(runIds.get(SECOND)));
        assertThat(result(firstEvents.get())).isEqualTo(alone.get(FIRST));
        assertThat(result(secondEvents.get())).isEqualTo(alone.get(SECOND));
        assertThat(steps(firstEvents.get())).containsExactlyElementsOf(allSteps());
        assertThat(steps(secondEvents.get())).containsExactlyElementsOf(allSteps());
        assertThat(committed(FIRST)).isEqualTo(16);
        assertThat(committed(SECOND)).isEqualTo(16);
    }

    @Test
    void aRunThatIsCancelledLeavesTheOtherAlone() throws Exception {
        Map<String, String> alone = alone();
        TestingStudent first = student(FIRST);
        TestingStudent second = student(SECOND);
        Pause inFirst = first.pauseBefore("step 9");
        Pause inSecond = second.pauseBefore("step 9");
        teacher(FIRST);
        TestingTeacher teacher = teacher(SECOND);
        CompletableFuture<List<RunEvent>> firstEvents = watch(submit(FIRST, 1));
        CompletableFuture<List<RunEvent>> secondEvents = watch(submit(SECOND, 2));
        inFirst.awaitReached();
        inSecond.awaitReached();
        var unused =
                RunServiceGrpc.newBlockingStub(client)
                        .cancelRun(
                                CancelRunRequest.newBuilder().setRunId(runIds.get(FIRST)).build());
        assertThat(end(firstEvents.get()).getState()).isEqualTo(RunState.RUN_STATE_CANCELLED);
        inFirst.release();
        inSecond.release();

        assertThat(result(secondEvents.get())).isEqualTo(alone.get(SECOND));
        assertThat(steps(secondEvents.get())).containsExactlyElementsOf(allSteps());
        assertThat(Set.copyOf(teacher.epochs)).as("membership epochs").hasSize(1);
    }

    @Test
    void aRunThatFailsLeavesTheOtherAlone() throws Exception {
        Map<String, String> alone = alone();
        student(FIRST);
        TestingStudent second = student(SECOND);
        Pause inSecond = second.pauseBefore("step 9");
        teacher(FIRST).fire(1);
        teacher(SECOND);
        CompletableFuture<List<RunEvent>> secondEvents = watch(submit(SECOND, 2));
        inSecond.awaitReached();
        RunEnded failed = end(watch(submit(FIRST, 1)).get());
        inSecond.release();

        assertThat(ErrorStatuses.fromStatus(failed.getFailure()).reason())
                .isEqualTo(ErrorReason.TAP_WITHOUT_BOUNDARY);
        assertThat(result(secondEvents.get())).isEqualTo(alone.get(SECOND));
        assertThat(steps(secondEvents.get())).containsExactlyElementsOf(allSteps());
    }

    @Test
    void aCoordinatorThatIsStartedAgainGoesOnWithBoth() throws Exception {
        Map<String, String> alone = alone();
        TestingStudent first = student(FIRST);
        TestingStudent second = student(SECOND);
        Pause inFirst = first.pauseBefore("step 10");
        Pause inSecond = second.pauseBefore("step 4");
        TestingTeacher ofFirst = teacher(FIRST);
        TestingTeacher ofSecond = teacher(SECOND);
        var unused = watch(submit(FIRST, 1));
        var unused2 = watch(submit(SECOND, 2));
        inFirst.awaitReached();
        inSecond.awaitReached();
        restart(first, inFirst, second, inSecond);
        CompletableFuture<List<RunEvent>> firstEvents = watch(runIds.get(FIRST));
        CompletableFuture<List<RunEvent>> secondEvents = watch(runIds.get(SECOND));
        second.connect(address(), VERSION);
        first.connect(address(), VERSION);
        ofSecond.join(address(), VERSION);
        ofFirst.join(address(), VERSION);

        assertThat(result(firstEvents.get())).isEqualTo(alone.get(FIRST));
        assertThat(result(secondEvents.get())).isEqualTo(alone.get(SECOND));
        assertThat(first.told).containsSubsequence("applied 9", "position 10", "applied 10");
        assertThat(second.told).containsSubsequence("applied 3", "position 4", "applied 4");
    }

    @Test
    void workersThatNameNoRunAreLentAndComeBackToTheSameRun() throws Exception {
        Map<String, String> alone = alone();
        var unused = watch(submit(FIRST, 1));
        var unused2 = watch(submit(SECOND, 2));
        TestingTeacher teacher = join(new TestingTeacher("teacher-0"));
        TestingTeacher other = join(new TestingTeacher("teacher-1"));
        TestingStudent first = new TestingStudent("student-0", new Checkpoints());
        TestingStudent second = new TestingStudent("student-1", new Checkpoints());
        Pause inFirst = first.pauseBefore("step 10");
        Pause inSecond = second.pauseBefore("step 4");
        join(first);
        first.awaitApplied(0);
        join(second);
        inSecond.awaitReached();
        inFirst.awaitReached();
        restart(first, inFirst, second, inSecond);
        CompletableFuture<List<RunEvent>> firstEvents = watch(runIds.get(FIRST));
        CompletableFuture<List<RunEvent>> secondEvents = watch(runIds.get(SECOND));
        second.connect(address(), VERSION);
        first.connect(address(), VERSION);
        teacher.join(address(), VERSION);
        other.join(address(), VERSION);

        assertThat(result(firstEvents.get())).isEqualTo(alone.get(FIRST));
        assertThat(result(secondEvents.get())).isEqualTo(alone.get(SECOND));
        assertThat(second.told).contains("position 4").doesNotContain("position 10");
        assertThat(first.told).contains("position 10").doesNotContain("position 4");
    }

    @Test
    void aWorkerThatNamesARunServesNoOther() throws Exception {
        TestingStudent stranger = student("stranger");
        TestingTeacher strangeTeacher = teacher("stranger");
        student(FIRST);
        teacher(FIRST);
        TestingMesh.awaitWorkers(coordinator, 2, 2);
        List<RunEvent> events = watch(submit(FIRST, 1)).get();

        assertThat(end(events).getState()).isEqualTo(RunState.RUN_STATE_SUCCEEDED);
        assertThat(stranger.refused()).isNotDone();
        assertThat(stranger.told).isEmpty();
        assertThat(strangeTeacher.announced).isEmpty();
    }

    @Test
    void aThirdRunBeginsWhenARunGivesUpItsPlace() throws Exception {
        TestingStudent first = student(FIRST);
        TestingStudent second = student(SECOND);
        TestingStudent third = student("third");
        Pause inFirst = first.pauseBefore("step 4");
        Pause inSecond = second.pauseBefore("step 4");
        Pause inThird = third.pauseBefore("begin");
        teacher(FIRST);
        teacher(SECOND);
        teacher("third");
        CompletableFuture<List<RunEvent>> firstEvents = watch(submit(FIRST, 1));
        CompletableFuture<List<RunEvent>> secondEvents = watch(submit(SECOND, 2));
        CompletableFuture<List<RunEvent>> thirdEvents = watch(submit("third", 3));
        inFirst.awaitReached();
        inSecond.awaitReached();
        MeshState full = coordinator.runs().mesh();
        coordinator.runs().park(coordinator.runs().record(runIds.get(FIRST)));
        inFirst.release();
        inThird.awaitReached();
        MeshState other = coordinator.runs().mesh();
        coordinator.runs().unpark(coordinator.runs().record(runIds.get(FIRST)));
        inSecond.release();
        inThird.release();

        assertThat(full.work())
                .extracting(MeshState.Work::runId)
                .containsExactly(runIds.get(FIRST), runIds.get(SECOND));
        assertThat(other.work())
                .extracting(MeshState.Work::runId)
                .containsExactly(runIds.get(SECOND), runIds.get("third"));
        for (var events : List.of(firstEvents, secondEvents, thirdEvents)) {
            assertThat(end(events.get()).getState()).isEqualTo(RunState.RUN_STATE_SUCCEEDED);
        }
    }

    @Test
    void aCoordinatorOfNoRunDoesNotStart() {
        assertThatThrownBy(
                        () ->
                                CoordinatorProcess.start(
                                        new TestingConfig(
                                                directory.resolve("other"), OptionalInt.of(0)),
                                        new SimpleMeterRegistry(),
                                        VERSION))
                .hasMessage(
                        "abmesh.coordinator.max-parallel-runs is out of range: found=0,"
                                + " expected=1 to 64");
    }

    /** Runs each plan with nothing beside it; returns the parameters at its end. */
    private Map<String, String> alone() throws Exception {
        Map<String, String> results = new HashMap<>();
        int seed = 1;
        for (String name : List.of(FIRST, SECOND)) {
            try (TestingStudent student = new TestingStudent(new Checkpoints());
                    TestingTeacher teacher = new TestingTeacher("teacher-9")) {
                student.connect(address(), VERSION);
                teacher.join(address(), VERSION);
                results.put(name, result(watch(submit("alone-" + name, seed++)).get()));
            }
        }
        assertThat(results.get(FIRST)).isNotEqualTo(results.get(SECOND));
        shut();
        open("store-of-both");
        return results;
    }

    private void open(String store) {
        registry = new SimpleMeterRegistry();
        coordinator =
                CoordinatorProcess.start(
                        new TestingConfig(directory.resolve(store), OptionalInt.of(2)),
                        registry,
                        VERSION);
        client = MeshChannels.open("test", address());
    }

    private void shut() {
        MeshChannels.close(client, Duration.ZERO);
        coordinator.close();
    }

    /** Starts the coordinator again on its store; nobody has joined it yet. */
    private void restart(
            TestingStudent first, Pause inFirst, TestingStudent second, Pause inSecond) {
        shut();
        first.disconnect();
        second.disconnect();
        inFirst.release();
        inSecond.release();
        open("store-of-both");
    }

    private TestingStudent student(String run) {
        return join(new TestingStudent("student-" + run, new Checkpoints()).forRun(run));
    }

    private TestingTeacher teacher(String run) {
        return join(new TestingTeacher("teacher-" + run).forRun(run));
    }

    private TestingStudent join(TestingStudent student) {
        opened.push(student);
        student.connect(address(), VERSION);
        return student;
    }

    private TestingTeacher join(TestingTeacher teacher) {
        opened.push(teacher);
        teacher.join(address(), VERSION);
        return teacher;
    }

    private String address() {
        return "127.0.0.1:" + coordinator.grpcPort();
    }

    private double committed(String request) {
        return registry.get("abmesh.coordinator.steps.committed")
                .tag("run", runIds.get(request))
                .counter()
                .count();
    }

    private String submit(String request, int seed) {
        String runId =
                RunServiceGrpc.newBlockingStub(client)
                        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .submitRun(
                                SubmitRunRequest.newBuilder()
                                        .setRequestId(request)
                                        .setPlanYaml(TestingPlans.distilled())
                                        .setBaseDirectory(directory.toString())
                                        .addOverrides("seed=" + seed)
                                        .build())
                        .getRun()
                        .getRunId();
        runIds.put(request, runId);
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

    private static List<Long> allSteps() {
        return LongStream.range(0, 16).boxed().toList();
    }

    private static List<Long> steps(List<RunEvent> events) {
        return events.stream()
                .filter(RunEvent::hasStepCommitted)
                .map(RunEvent::getStepCommitted)
                .map(StepCommitted::getStep)
                .toList();
    }

    private static RunEnded end(List<RunEvent> events) {
        return events.get(events.size() - 1).getRunEnded();
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
}
