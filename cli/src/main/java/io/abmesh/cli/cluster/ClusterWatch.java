package io.abmesh.cli.cluster;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.progress.Console;
import io.abmesh.cli.progress.ProgressView;
import io.abmesh.cli.run.RunClient;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.error.Retry;
import io.abmesh.proto.v1.ClusterRun;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.WatchRunResponse;
import io.grpc.StatusRuntimeException;
import java.time.Clock;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Follows a run on a cluster: while it waits, why it waits; from then on what it does. Goes on when
 * the connection breaks, until the run has ended.
 */
public final class ClusterWatch {
    private static final Duration PERIOD = Duration.ofSeconds(1);

    private final ClusterClient cluster;
    private final RunClient runs;
    private final Console console;
    private final Clock clock;
    private final CountDownLatch never = new CountDownLatch(1);
    private String said = "";

    /**
     * Makes a watch.
     *
     * @param cluster borrowed
     * @param runs of the same coordinator; borrowed
     */
    public ClusterWatch(ClusterClient cluster, RunClient runs, Console console, Clock clock) {
        this.cluster = cluster;
        this.runs = runs;
        this.console = console;
        this.clock = clock;
    }

    /**
     * Shows a run until it has ended.
     *
     * @throws CliException if it ended otherwise than well
     * @throws MeshException if the coordinator refuses
     */
    public void follow(String name) throws InterruptedException {
        ClusterRun run = cluster.get(name);
        while (run.getRunId().isEmpty()) {
            say(run);
            pause();
            run = cluster.get(name);
        }
        Run ended = steps(run);
        if (ended.getState() == RunState.RUN_STATE_SUCCEEDED) {
            console.line("run %s has ended: abmesh get %s --out DIR".formatted(name, name));
            return;
        }
        throw new CliException(
                ExitCode.WORKER_FAILED,
                ended.getState() == RunState.RUN_STATE_CANCELLED
                        ? "run %s was cancelled".formatted(name)
                        : "run %s failed: %s".formatted(name, ended.getFailure().getMessage()));
    }

    private void say(ClusterRun run) {
        String line = run.getPhase() + ": " + run.getMessage();
        if (!line.equals(said)) {
            said = line;
            console.line(line);
        }
    }

    private Run steps(ClusterRun run) throws InterruptedException {
        ProgressView view = new ProgressView(console, clock, run.getStepSampleCount());
        long last = -1;
        while (true) {
            try {
                Iterator<WatchRunResponse> updates = runs.watch(run.getRunId(), last);
                while (updates.hasNext()) {
                    WatchRunResponse update = updates.next();
                    view.show(update);
                    if (update.hasEvent()) {
                        last = update.getEvent().getNumber();
                        if (update.getEvent().hasRunEnded()) {
                            return update.getRun();
                        }
                    }
                }
            } catch (StatusRuntimeException e) {
                MeshException failure = ErrorStatuses.fromThrowable(e);
                if (failure.reason().retry() != Retry.BACKOFF) {
                    throw failure;
                }
            }
            pause();
        }
    }

    private void pause() throws InterruptedException {
        boolean unused = never.await(PERIOD.toMillis(), TimeUnit.MILLISECONDS);
    }
}
