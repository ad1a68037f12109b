package io.abmesh.coordinator.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.util.Timestamps;
import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.meter.Recovery;
import io.abmesh.coordinator.meter.RunMeters;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanAgainstWorld;
import io.abmesh.coordinator.plan.PlanProblem;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.coordinator.report.ReportPage;
import io.abmesh.coordinator.report.RunReport;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.coordinator.worker.WorkerListener;
import io.abmesh.data.image.DatasetException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.DescribeTeacherRequest;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.ExpandStudyResponse;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.RunWorkers;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.abmesh.proto.v1.WorkRequest;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * All runs. As many as {@link Settings#maxParallelRuns} are in progress at a time, begun in the
 * order of their submission, each with workers of its own; the others wait.
 *
 * <p>Of a run alone are its workers, batches, epochs, journal, ledger and meters. What all share is
 * the loop, the store with its counter of epochs, and the threads beside the loop.
 *
 * <p>State is owned by the coordinator's loop; what reads files or calls a teacher is done beside
 * it and comes back as a task.
 */
public final class Runs implements WorkerListener, AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Runs.class);

    /**
     * What the runs need around them.
     *
     * @param maxParallelRuns runs in progress at a time; at least 1
     */
    public record Settings(
            int maxParallelRuns,
            int evaluationBatch,
            Duration describeDeadline,
            Duration stallTimeout,
            Duration positionDeadline,
            Duration progressDeadline,
            StepSampling sampling) {}

    /** Pause before a teacher that did not describe itself is asked again. */
    private static final Duration DESCRIBE_AGAIN = Duration.ofSeconds(1);

    /** Pause before an object store that was away is asked again for a run's images. */
    private static final Duration OPEN_AGAIN = Duration.ofSeconds(10);

    private final Loop loop;
    private final RunStore store;
    private final LazyBatches batches;
    private final Datasets datasets;
    private final Optional<ResultDelivery> delivery;
    private final ExecutorService beside;
    private final Clock clock;
    private final MeshSecurity security;
    private final Settings settings;
    private final CoordinatorMeters meters;
    private final Map<String, RunRecord> records = new ConcurrentSkipListMap<>();
    private final List<String> queue = new ArrayList<>();
    private final List<TeacherMember> teachers = new ArrayList<>();
    private final List<StudentSession> students = new ArrayList<>();
    private final Map<String, Active> active = new LinkedHashMap<>();

    /** Runs that were under way when the coordinator was lost. */
    private final Set<String> interrupted = new HashSet<>();

    private final Instant startTime;
    private String ownAddress = "";

    /** A run in progress, as far as it has come. */
    private static final class Active {
        private final RunRecord record;
        private final Plan plan;
        private final Loop loop;
        private final RunMeters meters;
        private final List<TeacherMember> teachers = new ArrayList<>();
        private final List<StudentSession> students = new ArrayList<>();
        private @Nullable RunWorld world;
        private RunWorld.@Nullable Teacher teacher;
        private boolean describing;
        private boolean waitsForData;
        private @Nullable RunExecution execution;
        private @Nullable RunLog log;

        Active(RunRecord record, Plan plan, Loop loop, RunMeters meters) {
            this.record = record;
            this.plan = plan;
            this.loop = loop.of(record::logContext);
            this.meters = meters;
        }

        String runId() {
            return record.folder().runId();
        }

        Lending.Borrower borrower(TeacherMember member) {
            String model =
                    teacher == null
                            ? plan.getTeacher().getSha256()
                            : teacher.description().getModelSha256();
            return borrower(
                    teachers.size(),
                    Integer.MAX_VALUE,
                    model.isEmpty() || model.equals(member.modelSha256()));
        }

        Lending.Borrower borrower(StudentSession student) {
            return borrower(
                    students.size(),
                    plan.getMicroBatches(),
                    record.students().contains(student.join().getWorkerId()));
        }

        private Lending.Borrower borrower(int workers, int useful, boolean known) {
            return new Lending.Borrower(
                    runId(), record.folder().requestId(), workers, useful, known);
        }

        private void closeWorld() {
            if (world != null) {
                world.close();
            }
        }
    }

    /**
     * Makes the runs known that the store holds.
     *
     * @param delivery puts results elsewhere too, borrowed; empty: they stay in the store
     * @param beside runs what blocks; borrowed
     * @param security of this process, for teachers; borrowed
     */
    public Runs(
            Loop loop,
            RunStore store,
            LazyBatches batches,
            Datasets datasets,
            Optional<ResultDelivery> delivery,
            ExecutorService beside,
            Clock clock,
            MeshSecurity security,
            Settings settings,
            CoordinatorMeters meters) {
        this.loop = loop;
        this.store = store;
        this.batches = batches;
        this.datasets = datasets;
        this.delivery = delivery;
        this.beside = beside;
        this.clock = clock;
        this.security = security;
        this.settings = settings;
        this.meters = meters;
        this.startTime = clock.instant();
        for (RunFolder folder : store.runs()) {
            RunRecord record = RunRecord.open(folder, clock);
            records.put(folder.runId(), record);
            if (!record.ended()) {
                queue.add(folder.runId());
                if (record.snapshot().getState() == RunState.RUN_STATE_RUNNING) {
                    interrupted.add(folder.runId());
                }
            }
        }
    }

    /** Begins to execute runs; students fetch teacherless batches at {@code address}. */
    public void start(String address) {
        loop.execute(
                () -> {
                    ownAddress = address;
                    records.values().stream().filter(RunRecord::ended).forEach(this::deliver);
                    next();
                });
    }

    /** Looks at the time; to be called on the loop, every few seconds. */
    public void beat() {
        for (Active run : List.copyOf(active.values())) {
            tell(run, LogContext.NONE, RunExecution::beat);
        }
    }

    /** Returns a run. */
    public Optional<RunRecord> find(String runId) {
        return Optional.ofNullable(records.get(runId));
    }

    /** Returns all runs, in no order. */
    public List<RunRecord> records() {
        return List.copyOf(records.values());
    }

    /** Returns all runs, newest first. */
    public List<Run> list() {
        return records.values().stream()
                .map(RunRecord::snapshot)
                .sorted((a, b) -> Long.compare(millis(b), millis(a)))
                .toList();
    }

    private static long millis(Run run) {
        return Timestamps.toMillis(run.getSubmitTime());
    }

    /**
     * Checks a plan and its data.
     *
     * @throws MeshException INVALID_PLAN with every problem, DATASET_UNREADABLE,
     *     OBJECTS_UNAVAILABLE
     */
    public CompletePlan validate(String yaml, List<String> overrides, Path base) {
        CompletePlan plan = PlanReader.read(yaml, overrides);
        try (Datasets.Open data = datasets.open(plan, base)) {
            List<PlanProblem> problems = PlanAgainstWorld.check(plan, data.images());
            if (!problems.isEmpty()) {
                throw PlanProblem.exception(problems);
            }
        } catch (DatasetException e) {
            throw named(e);
        }
        return plan;
    }

    /**
     * Tells the runs of a study, each checked against its data.
     *
     * @throws MeshException INVALID_PLAN with every problem, DATASET_UNREADABLE,
     *     OBJECTS_UNAVAILABLE
     */
    ExpandStudyResponse expand(String yaml, List<String> overrides, Path base) {
        return StudyExpansion.of(yaml, overrides, base, datasets);
    }

    /**
     * Queues a run, or gives back the one of the same request; a failed one goes on then.
     *
     * @throws MeshException INVALID_PLAN, DATASET_UNREADABLE, OBJECTS_UNAVAILABLE, STORE_FULL
     */
    public RunRecord submit(String requestId, String yaml, List<String> overrides, Path base) {
        return keep(requestId, yaml, overrides, base, validate(yaml, overrides, base));
    }

    private synchronized RunRecord keep(
            String requestId, String yaml, List<String> overrides, Path base, CompletePlan plan) {
        Optional<RunFolder> known = store.byRequest(requestId);
        if (known.isPresent()) {
            if (!known.get().plan().sha256().equals(plan.sha256())) {
                throw new MeshException(
                        ErrorReason.INVALID_PLAN,
                        "request was made with another plan: found="
                                + plan.sha256()
                                + ", expected="
                                + known.get().plan().sha256());
            }
            RunRecord record = record(known.get().runId());
            loop.executeAndWait(() -> resume(record));
            return record;
        }
        RunFolder folder = store.create(requestId, yaml, overrides, plan, base);
        RunRecord record = RunRecord.open(folder, clock);
        records.put(folder.runId(), record);
        loop.execute(
                () -> {
                    queue.add(folder.runId());
                    next();
                });
        return record;
    }

    /**
     * Returns a run.
     *
     * @throws MeshException RUN_NOT_FOUND
     */
    public RunRecord record(String runId) {
        RunRecord record = records.get(runId);
        if (record == null) {
            throw new MeshException(
                    ErrorReason.RUN_NOT_FOUND,
                    "no such run: found=" + runId,
                    Map.of("run_id", runId));
        }
        return record;
    }

    private void resume(RunRecord record) {
        String runId = record.folder().runId();
        boolean failed = record.snapshot().getState() == RunState.RUN_STATE_FAILED;
        if (failed && !queue.contains(runId) && !active.containsKey(runId)) {
            record.append(
                    RunEvent.newBuilder()
                            .setNotice(
                                    Notice.newBuilder()
                                            .setReason(RunRecord.RESUMED)
                                            .setMessage("submitted again")));
            queue.add(runId);
            next();
        }
    }

    /** Stops a run. */
    public void cancel(RunRecord record) {
        loop.execute(
                () -> {
                    if (!record.ended()) {
                        queue.remove(record.folder().runId());
                        end(record, RunState.RUN_STATE_CANCELLED, null);
                    }
                });
    }

    /** Returns the run of a submission. */
    public Optional<RunRecord> byRequest(String requestId) {
        return store.byRequest(requestId).map(folder -> record(folder.runId()));
    }

    /** Returns whether a run is executed or waits for its turn. */
    public boolean executing(RunRecord record) {
        String runId = record.folder().runId();
        AtomicBoolean executing = new AtomicBoolean();
        loop.executeAndWait(
                () -> executing.set(active.containsKey(runId) || queue.contains(runId)));
        return executing.get();
    }

    /**
     * Returns who is there and who feeds whom.
     *
     * @throws MeshException DRAINING when the coordinator stops
     */
    public MeshState mesh() {
        CompletableFuture<MeshState> mesh = new CompletableFuture<>();
        loop.executeAndWait(() -> mesh.complete(meshNow()));
        return mesh.join();
    }

    /** Returns how fast those are that have a part in a run now; on the loop. */
    RunWorkers workers(RunRecord record) {
        Active run = active.get(record.folder().runId());
        RunExecution execution = run == null ? null : run.execution;
        RunWorkers.Builder workers = RunWorkers.newBuilder();
        if (run == null || execution == null) {
            return workers.build();
        }
        for (StudentSession student : run.students) {
            workers.addStudents(
                    RunWorkers.Worker.newBuilder()
                            .setWorkerId(student.join().getWorkerId())
                            .setImagesPerSecond(execution.describe(student).imagesPerSecond()));
        }
        for (TeacherMember teacher : run.teachers) {
            workers.addTeachers(
                    RunWorkers.Worker.newBuilder()
                            .setWorkerId(teacher.workerId())
                            .setImagesPerSecond(execution.describe(teacher).imagesPerSecond()));
        }
        return workers.build();
    }

    /** Shows in the meters what is there; on the loop. */
    public void measure() {
        meters.levels(
                new CoordinatorMeters.Levels(
                        records.values().stream()
                                .collect(
                                        Collectors.groupingBy(
                                                record -> record.snapshot().getState(),
                                                Collectors.counting())),
                        teachers.size(),
                        students.size()));
        active.values().forEach(Runs::measure);
    }

    private List<RunExecution> executions() {
        List<RunExecution> executions = new ArrayList<>();
        for (Active run : active.values()) {
            if (run.execution != null) {
                executions.add(run.execution);
            }
        }
        return executions;
    }

    private static void measure(Active run) {
        RunExecution execution = run.execution;
        List<MeshState.Teacher> feeding =
                execution == null
                        ? List.of()
                        : run.teachers.stream().map(execution::describe).toList();
        Optional<MeshState.Work> work = Optional.ofNullable(execution).map(RunExecution::work);
        run.meters.levels(
                new RunMeters.Levels(
                        run.record.snapshot().getState() == RunState.RUN_STATE_RUNNING,
                        run.teachers.size(),
                        run.students.size(),
                        work.map(MeshState.Work::stepsUnderWay).orElse(0),
                        work.map(MeshState.Work::waitingMicroBatches).orElse(0),
                        feeding.stream().mapToLong(MeshState.Teacher::creditBytes).sum(),
                        feeding.stream().mapToLong(MeshState.Teacher::usedBytes).sum()));
    }

    private MeshState meshNow() {
        return new MeshState(
                executions().stream().map(RunExecution::work).toList(),
                teachers.stream().map(this::describe).toList(),
                students.stream().map(this::describe).toList());
    }

    private MeshState.Teacher describe(TeacherMember member) {
        Optional<Active> run = runOf(member);
        RunExecution execution = run.map(r -> r.execution).orElse(null);
        return execution == null
                ? new MeshState.Teacher(
                        member.workerId(),
                        member.address(),
                        run.map(Active::runId),
                        0,
                        0,
                        0,
                        0,
                        0,
                        0)
                : execution.describe(member);
    }

    private MeshState.Student describe(StudentSession student) {
        Optional<Active> run = runOf(student);
        RunExecution execution = run.map(r -> r.execution).orElse(null);
        if (execution != null) {
            return execution.describe(student);
        }
        StudentJoin join = student.join();
        return new MeshState.Student(
                join.getWorkerId(),
                join.getAddress(),
                run.map(Active::runId),
                join.getThreads(),
                join.getPlatform(),
                false,
                0,
                0,
                0);
    }

    /**
     * Gives up a run's turn, as if the coordinator had been stopped: what it has reached stays, and
     * {@link #unpark} or the next start of the coordinator goes on from there.
     */
    public void park(RunRecord record) {
        loop.execute(
                () -> {
                    String runId = record.folder().runId();
                    queue.remove(runId);
                    Active run = active.remove(runId);
                    if (run != null && run.execution != null) {
                        run.execution.close();
                    }
                    if (run != null && run.log != null) {
                        run.log.close();
                    }
                    if (run != null) {
                        run.closeWorld();
                    }
                    meters.rest(runId);
                    next();
                });
    }

    /** Queues a run that was parked; does nothing to one that was not or has ended. */
    public void unpark(RunRecord record) {
        loop.execute(
                () -> {
                    String runId = record.folder().runId();
                    if (!record.ended() && !queue.contains(runId) && !active.containsKey(runId)) {
                        queue.add(runId);
                        next();
                    }
                });
    }

    /** Begins as many runs as may go on at a time, and gives workers that are free to runs. */
    private void next() {
        if (ownAddress.isEmpty()) {
            return;
        }
        List<Active> begun = new ArrayList<>();
        while (active.size() < settings.maxParallelRuns() && !queue.isEmpty()) {
            RunRecord record = record(queue.remove(0));
            RunFolder folder = record.folder();
            Active run =
                    new Active(
                            record,
                            folder.plan().resolved(folder.baseDirectory()),
                            loop,
                            meters.begin(folder.runId()));
            active.put(folder.runId(), run);
            record.logContext()
                    .during(
                            () ->
                                    LOG.infof(
                                            "Run has its turn run=%s plan=%s",
                                            folder.runId(), run.plan.getName()));
            begun.add(run);
        }
        lend();
        begun.forEach(this::openWorld);
    }

    /** Gives a run to every worker that has none and that a run can use. */
    private void lend() {
        for (TeacherMember teacher : List.copyOf(teachers)) {
            if (runOf(teacher).isEmpty()) {
                runFor(teacher).ifPresent(run -> give(teacher, run));
            }
        }
        for (StudentSession student : List.copyOf(students)) {
            if (runOf(student).isEmpty()) {
                runFor(student).ifPresent(run -> give(student, run));
            }
        }
    }

    private Optional<Active> runFor(TeacherMember teacher) {
        return Lending.choose(
                        teacher.run(),
                        active.values().stream()
                                .filter(run -> run.plan.hasTeacher())
                                .map(run -> run.borrower(teacher))
                                .toList())
                .map(chosen -> active.get(chosen.runId()));
    }

    private Optional<Active> runFor(StudentSession student) {
        return Lending.choose(
                        student.run(),
                        active.values().stream().map(run -> run.borrower(student)).toList())
                .map(chosen -> active.get(chosen.runId()));
    }

    private void give(TeacherMember teacher, Active run) {
        LogContext worker = LogContext.NONE.worker(teacher.workerId());
        run.record
                .logContext(worker)
                .during(
                        () -> {
                            LOG.infof(
                                    "Teacher works worker=%s run=%s",
                                    teacher.workerId(), run.runId());
                            run.teachers.add(teacher);
                            if (run.execution != null) {
                                run.execution.teacherJoined(teacher);
                            }
                            advance(run);
                        });
    }

    private static void give(StudentSession student, Active run) {
        run.record
                .logContext(of(student))
                .during(
                        () -> {
                            LOG.infof(
                                    "Student works worker=%s run=%s",
                                    student.join().getWorkerId(), run.runId());
                            run.students.add(student);
                            if (run.execution != null) {
                                run.execution.studentJoined(student);
                            }
                        });
    }

    private Optional<Active> runOf(TeacherMember teacher) {
        return active.values().stream().filter(run -> run.teachers.contains(teacher)).findFirst();
    }

    private Optional<Active> runOf(StudentSession student) {
        return active.values().stream().filter(run -> run.students.contains(student)).findFirst();
    }

    private void openWorld(Active run) {
        RunFolder folder = run.record.folder();
        aside(
                run,
                () ->
                        RunWorld.open(
                                folder.plan(),
                                folder.baseDirectory(),
                                datasets,
                                settings.evaluationBatch()),
                world -> {
                    if (!active.containsValue(run)) {
                        world.close(); // parked or cancelled while it opened
                        return;
                    }
                    run.world = world;
                    advance(run);
                });
    }

    /** Fails a run whose data cannot be opened; while only the object store is away, it waits. */
    private void notOpened(Active run, MeshException cause) {
        if (!active.containsValue(run)) {
            return; // parked or cancelled while it opened
        }
        if (cause.reason() != ErrorReason.OBJECTS_UNAVAILABLE) {
            end(run.record, RunState.RUN_STATE_FAILED, cause);
            return;
        }
        if (!run.waitsForData) {
            run.waitsForData = true;
            run.meters.noticed(cause.reason().name());
            run.record.append(
                    RunEvent.newBuilder()
                            .setNotice(
                                    Notice.newBuilder()
                                            .setReason(cause.reason().name())
                                            .setMessage(cause.getMessage())));
        }
        run.loop.after(
                OPEN_AGAIN,
                () -> {
                    if (active.containsValue(run)) {
                        openWorld(run);
                    }
                });
    }

    /** Takes a run a step nearer to its execution, as far as what it needs is there. */
    private void advance(Active run) {
        RunWorld world = run.world;
        if (world == null || run.execution != null || !active.containsValue(run)) {
            return;
        }
        if (run.plan.hasTeacher() && run.teacher == null) {
            describe(run, world);
            return;
        }
        RunLog log;
        try {
            PlanAgainstWorld.match(
                    run.record.folder().plan(),
                    world.facts(),
                    run.teacher == null ? null : run.teacher.description());
            log = RunLog.open(run.record, run.plan, clock, settings.evaluationBatch(), run.meters);
            run.log = log;
        } catch (MeshException e) {
            end(run.record, RunState.RUN_STATE_FAILED, e);
            return;
        }
        RunScript script =
                new RunScript(
                        run.plan,
                        TrackPlanner.tracks(run.plan, world.facts().trainCount()),
                        world.facts().trainCount());
        Recovery recovery = new Recovery(run.meters, clock);
        if (interrupted.remove(run.record.folder().runId())) {
            recovery.lost(MeshRole.COORDINATOR, startTime);
        }
        RunExecution execution =
                new RunExecution(
                        new OpenedRun(run.record, run.plan, world, run.teacher, script, log),
                        new RunExecution.Surroundings(
                                run.loop,
                                batches,
                                store::nextEpoch,
                                ownAddress,
                                security,
                                settings.stallTimeout(),
                                settings.positionDeadline(),
                                settings.progressDeadline(),
                                clock,
                                recovery,
                                settings.sampling()),
                        new Ending(run));
        run.execution = execution;
        run.teachers.forEach(execution::teacherJoined);
        run.students.forEach(execution::studentJoined);
    }

    private final class Ending implements RunExecution.Ending {
        private final Active run;

        Ending(Active run) {
            this.run = run;
        }

        @Override
        public void succeeded() {
            end(run.record, RunState.RUN_STATE_SUCCEEDED, null);
        }

        @Override
        public void failed(MeshException cause) {
            end(run.record, RunState.RUN_STATE_FAILED, cause);
        }
    }

    private void describe(Active run, RunWorld world) {
        if (run.describing || run.teachers.isEmpty()) {
            return;
        }
        TeacherMember member = run.teachers.get(0);
        run.describing = true;
        LogContext context = run.record.logContext().worker(member.workerId());
        beside.execute(() -> context.during(() -> describe(run, world, member)));
    }

    private void describe(Active run, RunWorld world, TeacherMember member) {
        try {
            DescribeTeacherResponse description = call(member);
            run.loop.execute(() -> described(run, world, description));
        } catch (RuntimeException e) {
            LOG.warnf(
                    "Teacher does not describe itself worker=%s cause=%s",
                    member.workerId(), e.getMessage());
            run.loop.execute(
                    () -> {
                        run.describing = false;
                        run.loop.after(DESCRIBE_AGAIN, () -> advance(run));
                    });
        }
    }

    private DescribeTeacherResponse call(TeacherMember member) {
        ManagedChannel channel =
                MeshChannels.open(
                        "coordinator-describe", member.address(), security, MeshRole.TEACHER);
        try {
            return TeacherServiceGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(
                            settings.describeDeadline().toMillis(), TimeUnit.MILLISECONDS)
                    .describeTeacher(DescribeTeacherRequest.getDefaultInstance());
        } finally {
            MeshChannels.close(channel, Duration.ofSeconds(1));
        }
    }

    private void described(Active run, RunWorld world, DescribeTeacherResponse description) {
        run.describing = false;
        if (!active.containsValue(run)) {
            return; // parked while its teacher answered
        }
        String wanted = run.plan.getTeacher().getSha256();
        try {
            if (!wanted.isEmpty() && !wanted.equals(description.getModelSha256())) {
                throw new MeshException(
                        ErrorReason.TEACHER_MODEL_MISMATCH,
                        "teacher has another digest: found="
                                + description.getModelSha256()
                                + ", expected="
                                + wanted);
            }
            run.teacher =
                    new RunWorld.Teacher(
                            description,
                            PlanAgainstWorld.match(
                                    run.record.folder().plan(), world.facts(), description));
            advance(run);
        } catch (MeshException e) {
            end(run.record, RunState.RUN_STATE_FAILED, e);
        }
    }

    private void end(RunRecord record, RunState state, @Nullable MeshException cause) {
        record.logContext().during(() -> conclude(record, state, cause));
        next();
    }

    private void conclude(RunRecord record, RunState state, @Nullable MeshException cause) {
        String runId = record.folder().runId();
        Active run = active.remove(runId);
        if (run != null && run.execution != null) {
            run.execution.close();
        }
        try {
            if (run != null) {
                finish(run, state);
            }
            record.end(state, cause);
        } catch (MeshException e) {
            LOG.errorf("Run's result cannot be written run=%s cause=%s", runId, e.getMessage());
            // What a run failed of first is what its user needs to know.
            boolean failed = state == RunState.RUN_STATE_FAILED && cause != null;
            record.end(
                    state == RunState.RUN_STATE_SUCCEEDED ? RunState.RUN_STATE_FAILED : state,
                    failed ? cause : e);
        }
        if (run != null) {
            run.closeWorld();
        }
        meters.rest(runId);
        deliver(record);
        if (cause != null) {
            LOG.errorf(
                    "Run failed run=%s reason=%s cause=%s",
                    runId, cause.reason(), cause.getMessage());
        } else {
            LOG.infof("Run ended run=%s state=%s", runId, record.snapshot().getState());
        }
    }

    private void deliver(RunRecord record) {
        delivery.ifPresent(results -> results.deliver(record));
    }

    /** Writes what a run leaves behind. */
    private void finish(Active run, RunState state) {
        RunWorld world = run.world;
        RunLog log = run.log;
        if (world == null || log == null) {
            return;
        }
        log.close();
        RunReport report =
                new RunReport(
                        run.record.snapshot().toBuilder().setState(state).build(),
                        run.record.folder().plan().plan(),
                        world,
                        run.teacher,
                        log.history(),
                        log.versions(),
                        log.parameterCount(),
                        log.refusedCounts());
        Path file = run.record.folder().file("report.json");
        try {
            run.record.folder().publish("report.json", report.toJson());
            file = run.record.folder().file("report.html");
            run.record.folder().publish("report.html", ReportPage.html(report).getBytes(UTF_8));
        } catch (IOException e) {
            throw RunStore.unwritable(file, e);
        }
    }

    private <T> void aside(Active run, Callable<T> work, Consumer<T> then) {
        beside.execute(
                () -> {
                    try {
                        T result = work.call();
                        run.loop.execute(() -> then.accept(result));
                    } catch (DatasetException e) {
                        run.loop.execute(() -> notOpened(run, named(e)));
                    } catch (Exception e) {
                        MeshException named = ErrorStatuses.fromThrowable(e);
                        run.loop.execute(() -> notOpened(run, named));
                    }
                });
    }

    private static MeshException named(DatasetException e) {
        return new MeshException(ErrorReason.DATASET_UNREADABLE, String.valueOf(e.getMessage()));
    }

    @Override
    public void studentJoined(StudentSession student) {
        LOG.infof(
                "Student joined worker=%s platform=%s threads=%d",
                student.join().getWorkerId(),
                student.join().getPlatform(),
                student.join().getThreads());
        students.add(student);
        lend();
    }

    @Override
    public void studentSaid(StudentSession student, WorkRequest message) {
        runOf(student)
                .ifPresent(
                        run ->
                                tell(
                                        run,
                                        of(student),
                                        execution -> execution.said(student, message)));
    }

    @Override
    public void studentLost(StudentSession student) {
        LOG.infof("Student left worker=%s", student.join().getWorkerId());
        students.remove(student);
        Optional<Active> left = runOf(student);
        left.ifPresent(
                run -> {
                    run.students.remove(student);
                    tell(run, of(student), execution -> execution.studentLost(student));
                });
    }

    @Override
    public void teacherJoined(TeacherMember teacher) {
        LOG.infof("Teacher joined worker=%s address=%s", teacher.workerId(), teacher.address());
        teachers.add(teacher);
        lend();
    }

    @Override
    public void teacherLost(TeacherMember teacher) {
        if (!teachers.remove(teacher)) {
            return;
        }
        LOG.infof("Teacher left worker=%s", teacher.workerId());
        Optional<Active> left = runOf(teacher);
        left.ifPresent(
                run -> {
                    run.teachers.remove(teacher);
                    LogContext worker = LogContext.NONE.worker(teacher.workerId());
                    tell(run, worker, execution -> execution.teacherLost(teacher));
                    run.record.logContext(worker).during(() -> advance(run));
                });
    }

    private static LogContext of(StudentSession student) {
        return LogContext.NONE.worker(student.join().getWorkerId());
    }

    /** Tells a run's execution, if it has begun, what a worker did, whom its lines then name. */
    private static void tell(Active run, LogContext worker, Consumer<RunExecution> word) {
        RunExecution execution = run.execution;
        if (execution != null) {
            run.record.logContext(worker).during(() -> word.accept(execution));
        }
    }

    /** Closes the journals; runs go on when a coordinator opens the store again. */
    @Override
    public void close() {
        for (Active run : active.values()) {
            if (run.log != null) {
                run.log.close();
            }
            run.closeWorld();
        }
        records.values().forEach(RunRecord::close);
    }
}
