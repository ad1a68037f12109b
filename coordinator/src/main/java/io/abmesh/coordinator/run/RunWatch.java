package io.abmesh.coordinator.run;

import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunWorkers;
import io.abmesh.proto.v1.WatchRunResponse;
import io.grpc.stub.ServerCallStreamObserver;
import java.io.IOException;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * Tells one watcher what happens in a run, from the journal and only while it reads, so that a slow
 * one costs nothing but its own time.
 */
final class RunWatch {
    private static final Logger LOG = Logger.getLogger(RunWatch.class);

    private final RunRecord record;
    private final Loop loop;
    private final ServerCallStreamObserver<WatchRunResponse> observer;
    private final Supplier<RunWorkers> workers;
    private final Runnable pump = this::pump;
    private int next;
    private boolean greeted;
    private boolean over;

    RunWatch(
            RunRecord record,
            Loop loop,
            ServerCallStreamObserver<WatchRunResponse> observer,
            Supplier<RunWorkers> workers,
            long after) {
        this.record = record;
        this.loop = loop.of(record::logContext);
        this.observer = observer;
        this.workers = workers;
        this.next = (int) Math.max(0, Math.min(Integer.MAX_VALUE, after + 1));
    }

    void start() {
        observer.setOnCancelHandler(() -> loop.execute(this::stop));
        observer.setOnReadyHandler(() -> loop.execute(pump));
        loop.execute(
                () -> {
                    record.watch(pump);
                    pump();
                });
    }

    private void pump() {
        try {
            while (!over && observer.isReady()) {
                if (next < record.journal().count()) {
                    RunEvent event = record.journal().read(next++);
                    if (event.hasRunEnded() && next < record.journal().count()) {
                        continue; // taken back: the run went on
                    }
                    greeted = true;
                    WatchRunResponse.Builder update =
                            WatchRunResponse.newBuilder().setRun(record.snapshot()).setEvent(event);
                    if (next == record.journal().count()) {
                        update.setWorkers(workers.get());
                    }
                    observer.onNext(update.build());
                } else if (!greeted) {
                    greeted = true;
                    observer.onNext(
                            WatchRunResponse.newBuilder().setRun(record.snapshot()).build());
                } else if (record.unwritten().isPresent()) {
                    stop();
                    observer.onError(record.unwritten().get());
                } else if (record.ended()) {
                    stop();
                    observer.onCompleted();
                } else {
                    return;
                }
            }
        } catch (IOException | RuntimeException e) {
            LOG.warnf("Watcher is lost run=%s cause=%s", record.folder().runId(), e);
            stop();
            observer.onError(e);
        }
    }

    private void stop() {
        over = true;
        record.unwatch(pump);
    }
}
