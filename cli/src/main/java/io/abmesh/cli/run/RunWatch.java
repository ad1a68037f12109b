package io.abmesh.cli.run;

import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.error.Retry;
import io.abmesh.proto.v1.WatchRunResponse;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Follows a run on a thread of its own and puts what it hears into a queue. When the coordinator
 * goes away, it goes on after the last event as soon as there is one again. A full queue makes it
 * read more slowly.
 */
final class RunWatch {

    /** Between two attempts, for a coordinator that is there but refuses. */
    private static final Duration RETRY_DELAY = Duration.ofMillis(250);

    private final RunClient client;
    private final String runId;
    private final BlockingQueue<? super SessionEvent> events;
    private final Context.CancellableContext context = Context.ROOT.withCancellation();
    private final CountDownLatch closed = new CountDownLatch(1);

    private RunWatch(RunClient client, String runId, BlockingQueue<? super SessionEvent> events) {
        this.client = client;
        this.runId = runId;
        this.events = events;
    }

    /** Starts to follow {@code runId} from its first event on. */
    static RunWatch start(
            RunClient client, String runId, BlockingQueue<? super SessionEvent> events) {
        RunWatch watch = new RunWatch(client, runId, events);
        Thread thread = new Thread(watch.context.wrap(watch::follow), "abmesh-run-watch");
        thread.setDaemon(true);
        thread.start();
        return watch;
    }

    /** Stops to follow. */
    void close() {
        closed.countDown();
        context.cancel(null);
    }

    private void follow() {
        long lastEvent = -1;
        try {
            while (closed.getCount() > 0) {
                try {
                    Iterator<WatchRunResponse> updates = client.watch(runId, lastEvent);
                    while (updates.hasNext()) {
                        WatchRunResponse update = updates.next();
                        events.put(new SessionEvent.RunMoved(update));
                        if (update.hasEvent()) {
                            lastEvent = update.getEvent().getNumber();
                            if (update.getEvent().hasRunEnded()) {
                                return;
                            }
                        }
                    }
                } catch (StatusRuntimeException e) {
                    MeshException error = ErrorStatuses.fromThrowable(e);
                    if (closed.getCount() > 0 && error.reason().retry() != Retry.BACKOFF) {
                        events.put(new SessionEvent.WatchRefused(error));
                        return;
                    }
                }
                if (closed.await(RETRY_DELAY.toMillis(), TimeUnit.MILLISECONDS)) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
