package io.abmesh.coordinator.run;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Answers calls that may block, beside the threads that serve workers: a plan's data set may have
 * to be fetched or decoded before the plan is checked, an API server may be silent, and a worker
 * that is not heard meanwhile is lost. {@value #THREADS} calls at a time; {@value #MOST_WAITING}
 * more wait, and what comes beyond them is refused. Thread-safe.
 */
public final class BlockingCalls implements AutoCloseable {
    /** Calls at a time: {@value}. */
    static final int THREADS = 2;

    /** Calls that wait: {@value}. */
    static final int MOST_WAITING = 32;

    /** When a client may try again that was refused. */
    private static final Duration RETRY = Duration.ofSeconds(5);

    private final String subject;
    private final ThreadPoolExecutor threads;

    /**
     * Makes threads that wait for calls.
     *
     * @param subject of the calls, a plural
     */
    public BlockingCalls(String subject) {
        this.subject = subject;
        threads =
                new ThreadPoolExecutor(
                        THREADS,
                        THREADS,
                        0,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(MOST_WAITING),
                        new DefaultThreadFactory("coordinator-" + subject, true));
    }

    /**
     * Answers a call soon, in its context; one whose caller is gone by then is left out.
     *
     * @param question may block; what it throws is the call's failure
     * @throws MeshException WORKER_OVERLOADED if as many calls wait as may, or this is closed
     */
    public <T> void answer(StreamObserver<T> observer, Supplier<T> question) {
        Context call = Context.current();
        try {
            threads.execute(
                    () -> {
                        if (!call.isCancelled()) {
                            call.run(() -> answerNow(observer, question));
                        }
                    });
        } catch (RejectedExecutionException e) {
            throw new MeshException(
                            ErrorReason.WORKER_OVERLOADED,
                            "too many calls about %s wait: expected=at most %d"
                                    .formatted(subject, MOST_WAITING),
                            Map.of("waiting", Integer.toString(MOST_WAITING)))
                    .withRetryDelay(RETRY);
        }
    }

    private static <T> void answerNow(StreamObserver<T> observer, Supplier<T> question) {
        T response;
        try {
            response = question.get();
        } catch (RuntimeException e) {
            observer.onError(e);
            return;
        } catch (Error e) {
            observer.onError(e); // or the caller would wait for ever
            throw e;
        }
        observer.onNext(response);
        observer.onCompleted();
    }

    /** Takes no more calls and interrupts those under way. */
    @Override
    public void close() {
        threads.shutdownNow();
    }
}
