package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.mesh.LocalMesh;
import io.abmesh.cli.mesh.ProcessEnded;
import io.abmesh.cli.mesh.RestartBudget;
import io.abmesh.cli.mesh.Role;
import io.abmesh.cli.mesh.ServiceSpec;
import io.abmesh.cli.plan.PlanProblems;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.cli.progress.Console;
import io.abmesh.cli.progress.ProgressView;
import io.abmesh.cli.result.ResultTable;
import io.abmesh.cli.result.RunReport;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.process.ReadyFile;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.ValidatePlanResponse;
import io.abmesh.proto.v1.WatchRunResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * One run on this machine, from the plan to the result: starts the coordinator, lets it check the
 * plan, starts the workers, follows the run, starts again what dies, fetches the result and stops
 * everything.
 *
 * <p>{@link #run} is called once. {@link #interrupt} may come from another thread (the JVM's
 * shutdown) at any time.
 */
public final class RunSession {

    private static final int QUEUED_EVENTS = 256;
    private static final DateTimeFormatter FOLDER_TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");

    private final Installation installation;
    private final RunOptions options;
    private final Console console;
    private final Clock clock;
    private final RestartBudget budget = new RestartBudget();
    private final Map<String, Double> evaluationSpeeds = new HashMap<>();
    private final BlockingQueue<SessionEvent> events = new LinkedBlockingQueue<>(QUEUED_EVENTS);

    private volatile @Nullable LocalMesh interruptibleMesh;
    private volatile @Nullable Path resumableFolder;

    /** Makes a run that has not started. */
    public RunSession(Installation installation, RunOptions options, Console console, Clock clock) {
        this.installation = installation;
        this.options = options;
        this.console = console;
        this.clock = clock;
    }

    /**
     * Runs to the end.
     *
     * @throws CliException if the plan or the folder is bad, or the run failed; everything is
     *     stopped by then
     * @throws InterruptedException if this thread is interrupted; everything is stopped by then
     */
    public void run() throws InterruptedException {
        try (RunFolder folder = RunFolder.take(folderPath())) {
            try {
                runIn(folder);
            } finally {
                LocalMesh mesh = interruptibleMesh;
                if (mesh != null) {
                    mesh.stop();
                }
                folder.discardIfNotBegun();
            }
        } catch (IOException e) {
            throw new CliException(ExitCode.WORKER_FAILED, "run folder: " + e.getMessage(), e);
        }
    }

    /**
     * Stops every process and keeps the state.
     *
     * @return the run's folder, if there is something to resume in it
     */
    public Optional<Path> interrupt() {
        LocalMesh mesh = interruptibleMesh;
        if (mesh != null) {
            mesh.stop();
        }
        return Optional.ofNullable(resumableFolder);
    }

    private Path folderPath() {
        Optional<Path> out = options.out();
        if (out.isPresent()) {
            if (options.resume() && !RunFolder.isRun(out.get())) {
                throw new CliException(
                        ExitCode.BAD_INPUT, "nothing to resume: no run in " + out.get());
            }
            return out.get();
        }
        PlanText plan =
                options.plan()
                        .orElseThrow(
                                () -> new CliException(ExitCode.BAD_INPUT, "no plan and no run"));
        return Path.of("runs", plan.stem() + "-" + FOLDER_TIME.format(LocalDateTime.now(clock)));
    }

    private void runIn(RunFolder folder) throws IOException, InterruptedException {
        LocalMesh.killLeftovers(folder.meshFile());
        PlanText plan = plan(folder);
        LocalMesh mesh =
                new LocalMesh(installation, folder.meshFile(), folder.ready(), this::processEnded);
        interruptibleMesh = mesh;
        MeshSpecs specs = new MeshSpecs(installation, folder, mesh);
        ReadyFile coordinator = mesh.startAndAwait(specs.coordinator(0, 0));
        String address = MeshSpecs.HOST + ":" + coordinator.grpcPort();
        try (RunClient client = new RunClient(address, MeshSecurity.plainText())) {
            ValidatePlanResponse validated = validate(client, plan);
            Plan complete = validated.getPlan();
            Optional<String> model = teacherModel(complete);
            RunRecord record = begin(folder, plan, validated.getPlanSha256());
            resumableFolder = folder.path();
            Run run = submit(client, record.requestId(), plan);
            console.line(
                    "%s: seed %d, results in %s"
                            .formatted(complete.getName(), complete.getSeed(), folder.path()));
            if (run.getState() != RunState.RUN_STATE_SUCCEEDED) {
                for (int i = 0; model.isPresent() && i < record.teachers(); i++) {
                    boolean trusted = complete.getTeacher().getTrusted();
                    mesh.start(specs.teacher(i, address, model.get(), trusted, record.cache()));
                }
                for (int i = 0; i < record.students(); i++) {
                    mesh.start(specs.student(i, address, record.threads()));
                }
                console.line("started " + mesh.describe() + "; logs in " + folder.logs());
                console.line(
                        "watch it at http://%s:%d/"
                                .formatted(MeshSpecs.HOST, coordinator.httpPort()));
            }
            Run end =
                    follow(
                            client,
                            run,
                            complete,
                            mesh,
                            specs.coordinator(coordinator.grpcPort(), coordinator.httpPort()));
            Path planFile = options.plan().map(PlanText::file).orElse(record.planFile());
            conclude(client, end, folder, planFile);
        }
    }

    /** The plan that was named; else the one that the folder remembers. */
    private PlanText plan(RunFolder folder) {
        Optional<RunRecord> record = folder.record();
        if (options.plan().isPresent()) {
            return options.plan().get();
        }
        RunRecord known =
                record.orElseThrow(
                        () -> new CliException(ExitCode.BAD_INPUT, "no plan and no run"));
        return PlanText.read(folder.planFile(), known.baseDirectory(), known.overrides());
    }

    private ValidatePlanResponse validate(RunClient client, PlanText plan) {
        ValidatePlanResponse validated;
        try {
            validated = client.validate(plan);
        } catch (MeshException e) {
            throw refused(plan, e);
        }
        if (options.teach() && validated.getPlan().hasTeacher()) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "teach takes a plan without a teacher; use run for " + plan.file());
        }
        validated.getWarningsList().forEach(warning -> console.line("warning: " + warning));
        return validated;
    }

    private Optional<String> teacherModel(Plan plan) {
        return plan.hasTeacher()
                ? Optional.of(installation.model(plan.getTeacher().getModel()))
                : Optional.empty();
    }

    /** Makes the folder this plan's; refuses a folder that is another plan's. */
    private RunRecord begin(RunFolder folder, PlanText plan, String planSha256) throws IOException {
        Optional<RunRecord> before = folder.record();
        if (before.isPresent() && !before.get().planSha256().equals(planSha256)) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "%s holds a run of another plan: found=%s, expected=%s"
                            .formatted(folder.path(), before.get().planSha256(), planSha256));
        }
        RunRecord record =
                new RunRecord(
                        before.map(RunRecord::requestId)
                                .orElseGet(() -> UUID.randomUUID().toString()),
                        before.map(RunRecord::planFile)
                                .orElse(plan.file().toAbsolutePath().normalize()),
                        plan.baseDirectory(),
                        plan.overrides(),
                        planSha256,
                        options.students().or(() -> before.map(RunRecord::students)).orElse(1),
                        before.map(RunRecord::threads).orElseGet(() -> options.threads().orElse(0)),
                        options.teachers().or(() -> before.map(RunRecord::teachers)).orElse(1),
                        options.cache()
                                .map(cache -> cache.toAbsolutePath().normalize())
                                .or(() -> before.map(RunRecord::cache))
                                .orElse(folder.cache()));
        folder.begin(record, plan.yaml());
        return record;
    }

    private Run submit(RunClient client, String requestId, PlanText plan) {
        try {
            return client.submit(requestId, plan).getRun();
        } catch (MeshException e) {
            throw refused(plan, e);
        }
    }

    private CliException refused(PlanText plan, MeshException e) {
        if (e.reason() == ErrorReason.INVALID_PLAN) {
            return PlanProblems.of(plan.file(), e);
        }
        if (events.poll() instanceof SessionEvent.ProcessGone gone) {
            return gone.end().failure();
        }
        return RunFailure.of(e);
    }

    /** Shows what happens and starts again what dies, until the run has ended. */
    private Run follow(
            RunClient client, Run run, Plan plan, LocalMesh mesh, ServiceSpec coordinator)
            throws InterruptedException {
        ProgressView progress = new ProgressView(console, clock, plan.getBatch());
        RunWatch watch = RunWatch.start(client, run.getRunId(), events);
        try {
            while (true) {
                SessionEvent event = events.take();
                if (event instanceof SessionEvent.RunMoved moved) {
                    WatchRunResponse update = moved.update();
                    progress.show(update);
                    if (update.getEvent().hasEvaluated()) {
                        Evaluated evaluated = update.getEvent().getEvaluated();
                        evaluationSpeeds.put(evaluated.getTrack(), evaluated.getImagesPerSecond());
                    }
                    budget.progressed(update.getRun().getCommittedStep());
                    if (update.getEvent().hasRunEnded()) {
                        return update.getRun();
                    }
                } else if (event instanceof SessionEvent.ProcessGone gone) {
                    restart(gone.end(), mesh, coordinator);
                } else if (event instanceof SessionEvent.WatchRefused refused) {
                    throw RunFailure.of(refused.error());
                }
            }
        } finally {
            watch.close();
        }
    }

    private void restart(ProcessEnded end, LocalMesh mesh, ServiceSpec coordinator) {
        String name = end.spec().name();
        int deaths = budget.died(name);
        if (end.hopeless() || deaths > RestartBudget.MAX_RESTARTS) {
            throw end.failure();
        }
        console.line(
                "  %s ended with exit code %d; starting it again (%d of %d)"
                        .formatted(name, end.exitCode(), deaths, RestartBudget.MAX_RESTARTS));
        mesh.start(end.spec().role() == Role.COORDINATOR ? coordinator : end.spec());
    }

    private void conclude(RunClient client, Run end, RunFolder folder, Path planFile)
            throws IOException {
        if (end.getState() == RunState.RUN_STATE_FAILED) {
            MeshException failure = ErrorStatuses.fromStatus(end.getFailure());
            // What does not fit the teacher shows only when there is one.
            throw failure.reason() == ErrorReason.INVALID_PLAN
                    ? PlanProblems.of(planFile, failure)
                    : RunFailure.of(failure);
        }
        if (end.getState() != RunState.RUN_STATE_SUCCEEDED) {
            throw new CliException(ExitCode.INTERRUPTED, "the run was cancelled");
        }
        for (String name : RunFolder.ARTIFACTS) {
            try {
                client.fetch(end.getRunId(), name, folder.path().resolve(name));
            } catch (MeshException e) {
                throw RunFailure.ofResult(name, folder.path(), e);
            }
        }
        console.line("");
        ResultTable.of(RunReport.read(folder.path().resolve(RunFolder.REPORT)), evaluationSpeeds)
                .lines()
                .forEach(console::line);
        console.line("");
        console.line("student  " + folder.path().resolve(RunFolder.STUDENT));
        console.line("report   " + folder.path().resolve(RunFolder.REPORT_PAGE));
    }

    private void processEnded(ProcessEnded end) {
        try {
            events.put(new SessionEvent.ProcessGone(end));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
