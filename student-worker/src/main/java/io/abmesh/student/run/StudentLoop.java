package io.abmesh.student.run;

import io.abmesh.nn.checkpoint.Checkpoint;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.error.Retry;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.v1.CheckpointReport;
import io.abmesh.proto.v1.StepInterrupted;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.TrackReport;
import io.abmesh.proto.v1.WorkFailed;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.student.exchange.GradientExchange;
import io.abmesh.student.exchange.PeerException;
import io.abmesh.student.exchange.Roster;
import io.abmesh.student.exchange.StudentExchanges;
import io.abmesh.student.fetch.PendingBatch;
import io.abmesh.student.meter.StudentMeters;
import io.abmesh.student.session.CoordinatorSession;
import io.abmesh.student.session.WorkProgress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Does what the queue says, one thing after the other, on the compute thread. A run that fails is
 * reported by name and dropped; the loop goes on with the next. What cannot be done since another
 * student is gone is reported as well, and nothing more is done until the next epoch. When the
 * worker stops, it leaves, and a checkpoint of the run in hand is published.
 */
final class StudentLoop implements Runnable {
    private static final Logger LOG = Logger.getLogger(StudentLoop.class);

    private final WorkQueue queue;
    private final CoordinatorSession session;
    private final StudentExchanges exchanges;
    private final RunCheckpoints checkpoints;
    private final StudentExport export;
    private final ArtifactStore artifacts;
    private final StudentMeters meters;
    private final StepTracing tracing;
    private final WorkProgress progress;
    private final LoopSettings settings;
    private final LogContext worker;
    private @Nullable StudentRun run;
    private @Nullable Gathered gathered;
    private long epoch;
    private long checkpointedStep = -1;

    /** The epoch in hand; absent from one epoch's end to the next one's roster. */
    private record Gathered(Roster roster, GradientExchange exchange) {}

    StudentLoop(
            WorkQueue queue,
            CoordinatorSession session,
            StudentExchanges exchanges,
            RunCheckpoints checkpoints,
            StudentExport export,
            ArtifactStore artifacts,
            StudentMeters meters,
            StepTracing tracing,
            WorkProgress progress,
            LoopSettings settings) {
        this.queue = queue;
        this.session = session;
        this.exchanges = exchanges;
        this.checkpoints = checkpoints;
        this.export = export;
        this.artifacts = artifacts;
        this.meters = meters;
        this.tracing = tracing;
        this.progress = progress;
        this.settings = settings;
        this.worker = LogContext.NONE.worker(settings.workerId());
    }

    @Override
    public void run() {
        try {
            for (Optional<Work> next = queue.take(); next.isPresent(); next = queue.take()) {
                Work work = next.get();
                context(work).during(() -> carryOut(work));
            }
            // Others wait for this one no longer than they must.
            exchanges.depart();
            session.close();
            context().during(this::publishLast);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            drop();
        }
    }

    private LogContext context(Work work) {
        return work instanceof Work.Step step
                ? worker.run(work.runId()).step(step.assignment().getStep())
                : context().run(work.runId());
    }

    /** Returns where the run in hand stands. */
    private LogContext context() {
        StudentRun current = run;
        return current == null
                ? worker
                : worker.run(current.plan().runId()).step(current.nextStep() - 1);
    }

    private void carryOut(Work work) throws InterruptedException {
        // First, so that whatever fails is said in the epoch in which it is heard.
        if (work instanceof Work.Begin begin) {
            epoch = begin.epoch();
        } else if (work instanceof Work.Refuse refuse) {
            epoch = refuse.epoch();
        }
        try {
            checkpoints.requireHealthy();
            if (work instanceof Work.Begin begin) {
                begin(begin.plan());
            } else if (work instanceof Work.Refuse refuse) {
                throw refuse.reason();
            } else {
                StudentRun current = run;
                // Words about a run that has failed here were said before the coordinator knew.
                if (current != null && current.plan().runId().equals(work.runId())) {
                    carryOut(current, work);
                }
            }
        } catch (PeerException e) {
            interrupted(work, e.failure());
        } catch (RuntimeException e) {
            failed(work, StudentFailures.of(e));
        } finally {
            work.batches().forEach(PendingBatch::release);
        }
    }

    private void carryOut(StudentRun current, Work work) throws InterruptedException {
        if (work instanceof Work.Gather gather) {
            gather(current, gather.roster());
        } else if (work instanceof Work.Step step) {
            step(current, step);
        } else if (work instanceof Work.Evaluate evaluate) {
            say(WorkRequest.newBuilder().setEvaluation(current.evaluate(evaluate)));
        } else if (work instanceof Work.Checkpoint) {
            checkpoint(current);
        } else if (work instanceof Work.EndTrack end) {
            endTrack(current, end.track());
        } else if (work instanceof Work.End) {
            LOG.infof("Run ended run=%s step=%d", work.runId(), current.nextStep() - 1);
            checkpoints.await();
            drop();
        }
    }

    private void begin(RunPlan plan) {
        gathered = null;
        StudentRun before = run;
        boolean known =
                before != null
                        && before.plan().runId().equals(plan.runId())
                        && before.plan().planSha256().equals(plan.planSha256());
        StudentRun current;
        if (before != null && known) {
            current = before;
        } else {
            drop();
            current =
                    StudentRun.start(
                            plan,
                            settings.threads(),
                            meters,
                            tracing,
                            progress,
                            2 * settings.prefetch());
            run = current;
            checkpointedStep = -1;
            Optional<Checkpoint> newest = checkpoints.newest(plan);
            if (newest.isPresent()) {
                current.restore(newest.get());
                checkpointedStep = current.nextStep() - 1;
            }
        }
        LOG.infof(
                "Run begins run=%s student=%s step=%d from=%s",
                plan.runId(),
                plan.network().name(),
                current.nextStep(),
                known ? "memory" : current.nextStep() > 0 ? "checkpoint" : "seed");
        say(
                WorkRequest.newBuilder()
                        .setPosition(
                                StudentPosition.newBuilder()
                                        .setRunId(plan.runId())
                                        .setNextStep(current.nextStep())
                                        .putAllVersions(settings.versions())
                                        .setParameterCount(current.trainer().parameterCount())
                                        .setStateSha256(current.stateSha256())
                                        .setDiscardedCount(current.discarded())));
    }

    private void gather(StudentRun current, Roster roster) throws InterruptedException {
        current.discardsKnown();
        GradientExchange joined;
        try {
            joined =
                    exchanges.join(
                            roster,
                            current.trainer().gradientLength(),
                            current.trainer().statisticsLength());
            if (!roster.leads() && !current.stateSha256().equals(roster.stateSha256())) {
                current.adopt(exchanges.copy(roster), roster.nextStep());
                requireState(current, roster);
                LOG.infof(
                        "State copied run=%s epoch=%d step=%d from=%s",
                        roster.runId(),
                        roster.epoch(),
                        roster.nextStep(),
                        roster.members().get(0).getWorkerId());
            }
        } catch (MeshException e) {
            throw new PeerException(e);
        }
        gathered = new Gathered(roster, joined);
        if (roster.leads()) {
            if (roster.members().size() > 1) {
                exchanges.offer(roster, current.state());
            }
            current.reports().forEach(report -> say(WorkRequest.newBuilder().setStep(report)));
        }
    }

    private static void requireState(StudentRun current, Roster roster) {
        String found = current.stateSha256();
        if (!found.equals(roster.stateSha256())) {
            throw new MeshException(
                    ErrorReason.CHECKSUM_MISMATCH,
                    "state copied is not the leader's: found="
                            + found
                            + ", expected="
                            + roster.stateSha256());
        }
    }

    private void step(StudentRun current, Work.Step work) throws InterruptedException {
        long step = work.assignment().getStep();
        if (step < current.nextStep()) {
            current.reportOf(step)
                    .ifPresent(report -> say(WorkRequest.newBuilder().setStep(report)));
            return;
        }
        Gathered students = gathered;
        if (students == null) {
            return;
        }
        StepReport report = current.step(work, students.roster(), students.exchange());
        exchanges.moved();
        LOG.debugf("Step computed loss=%.4g", report.getLoss());
        if (students.roster().leads()) {
            say(WorkRequest.newBuilder().setStep(report));
        }
    }

    /** Waits for the next epoch, in which the coordinator says who is still there. */
    private void interrupted(Work work, MeshException failure) {
        gathered = null;
        if (failure.reason() == ErrorReason.CANCELLED) {
            LOG.debugf("Epoch is over: %s", failure.getMessage());
            return;
        }
        StudentRun current = run;
        LOG.warnf(
                "Step is interrupted run=%s reason=%s: %s",
                work.runId(), failure.reason(), failure.getMessage());
        say(
                WorkRequest.newBuilder()
                        .setInterrupted(
                                StepInterrupted.newBuilder()
                                        .setRunId(work.runId())
                                        .setStep(current == null ? 0 : current.nextStep())
                                        .setStatus(ErrorStatuses.toStatus(failure))));
    }

    private void checkpoint(StudentRun current) {
        checkpoints.await(); // for the memory of the snapshot before
        Optional<Snapshot> snapshot = current.snapshot(settings.versions());
        if (snapshot.isEmpty()) {
            return;
        }
        CheckpointReport.Builder report =
                CheckpointReport.newBuilder()
                        .setRunId(current.plan().runId())
                        .setStep(snapshot.get().step());
        long of = epoch;
        checkpointedStep = report.getStep();
        checkpoints.publish(
                snapshot.get(),
                published -> {
                    report.setParametersSha256(published.require(Checkpoint.PARAMETERS_SHA256));
                    session.send(WorkRequest.newBuilder().setCheckpoint(report), of);
                });
    }

    private void endTrack(StudentRun current, String name) throws InterruptedException {
        PlannedTrack track =
                current.plan().tracks().stream()
                        .filter(candidate -> candidate.name().equals(name))
                        .findFirst()
                        .orElseThrow(
                                () ->
                                        new MeshException(
                                                ErrorReason.STREAM_PROTOCOL,
                                                "track is not of the run: found=" + name));
        if (!current.track().equals(name)) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "track is not the one in hand: found="
                            + name
                            + ", expected="
                            + current.track());
        }
        checkpoints.await();
        TrackReport.Builder report =
                TrackReport.newBuilder()
                        .setRunId(current.plan().runId())
                        .setTrack(name)
                        .setParametersSha256(current.trainer().parametersSha256());
        if (track.exported()) {
            List<StudentExport.ExportedFile> files =
                    export.write(current, current.sampleImages(), current.sampleImageCount());
            for (StudentExport.ExportedFile file : files) {
                artifacts.publish(current.plan().runId(), epoch, file.path(), file.sha256());
                LOG.infof(
                        "Student exported file=%s bytes=%d difference=%.3g",
                        file.path(), file.sizeBytes(), file.difference());
            }
            report.setExportDifference(files.get(0).difference())
                    .setOnnxBytes(files.get(0).sizeBytes());
        }
        say(WorkRequest.newBuilder().setTrack(report));
    }

    private void failed(Work work, MeshException failure) {
        boolean overtaken =
                failure.reason() == ErrorReason.CANCELLED
                        || failure.reason() == ErrorReason.STALE_EPOCH;
        if (overtaken) {
            LOG.debugf("Work given up: %s", failure.getMessage());
            return;
        }
        if (failure.reason() == ErrorReason.BATCH_UNAVAILABLE) {
            // Its teacher may be away for long; the next epoch waits for one, however long.
            interrupted(work, failure);
            return;
        }
        boolean transport =
                failure.reason().retry() == Retry.BACKOFF
                        || failure.reason().retry() == Retry.NEW_STREAM
                        || failure.reason() == ErrorReason.STREAM_PROTOCOL;
        if (transport) {
            // The coordinator assigns what is not answered again, on a new stream.
            LOG.warnf("Work is not done: reason=%s %s", failure.reason(), failure.getMessage());
            session.reopen(failure);
            return;
        }
        StudentRun current = run;
        long step = current == null ? 0 : current.nextStep();
        LOG.errorf(
                "Run failed run=%s step=%d reason=%s: %s",
                work.runId(), step, failure.reason(), failure.getMessage());
        say(
                WorkRequest.newBuilder()
                        .setFailed(
                                WorkFailed.newBuilder()
                                        .setRunId(work.runId())
                                        .setStatus(ErrorStatuses.toStatus(failure))
                                        .setStep(step)));
        if (current != null && current.plan().runId().equals(work.runId())) {
            drop();
        }
    }

    private void say(WorkRequest.Builder message) {
        session.send(message, epoch);
    }

    private void publishLast() {
        StudentRun current = run;
        try {
            // A track that was entered has left nothing of the one before that could be kept.
            if (current != null
                    && current.nextStep() - 1 > checkpointedStep
                    && !current.beginsTrack()) {
                checkpoint(current);
            }
            checkpoints.await();
        } catch (RuntimeException e) {
            MeshException failure = StudentFailures.of(e);
            LOG.errorf(
                    "Last checkpoint is not written reason=%s: %s",
                    failure.reason(), failure.getMessage());
        }
    }

    private void drop() {
        exchanges.abandon();
        gathered = null;
        StudentRun current = run;
        run = null;
        if (current != null) {
            current.close();
        }
    }

    /**
     * What the loop goes by.
     *
     * @param workerId name of the worker
     * @param threads compute threads
     * @param prefetch unanswered assignments at most
     * @param versions of what computes, for provenance
     */
    record LoopSettings(String workerId, int threads, int prefetch, Map<String, String> versions) {
        LoopSettings {
            versions = Map.copyOf(versions);
        }
    }
}
