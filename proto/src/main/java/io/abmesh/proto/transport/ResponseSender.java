package io.abmesh.proto.transport;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ScheduledThreadPoolExecutor;

/**
 * Answers server-streaming calls with sequences that are produced while the client reads. Per call
 * at most {@link Limits#READY_THRESHOLD_BYTES} plus one message are queued, whatever the length of
 * the sequence.
 *
 * <p>A client that does not read for the stall timeout is given up: the call fails with
 * CLIENT_TOO_SLOW and the sequence is let go. The bytes already queued stay until the client reads
 * them or its connection ends; gRPC has no way to take them back.
 *
 * <p>Thread-safe. One daemon thread, {@code NAME-stall}, watches all calls.
 */
public final class ResponseSender implements AutoCloseable {
    private final Duration stallTimeout;
    private final ScheduledThreadPoolExecutor watch;

    /**
     * Starts the watch.
     *
     * @param name prefix of the thread's name
     * @param stallTimeout how long a client may leave queued messages unread
     */
    public ResponseSender(String name, Duration stallTimeout) {
        this.stallTimeout = stallTimeout;
        this.watch =
                new ScheduledThreadPoolExecutor(1, new DefaultThreadFactory(name + "-stall", true));
        watch.setRemoveOnCancelPolicy(true);
    }

    /**
     * Answers a call with all messages and completes it. To be called in the service method, which
     * then returns; the messages are taken from the iterator on gRPC's threads, one call at a time.
     * A {@link MeshException} that the iterator throws fails the call.
     *
     * @param onEnd runs exactly once, when no more message will be taken: after the last, an error,
     *     a cancellation, a stall
     */
    public <T> void send(
            StreamObserver<T> observer, Iterator<? extends T> messages, Runnable onEnd) {
        ServerCallStreamObserver<T> call = (ServerCallStreamObserver<T>) observer;
        Answer<T> answer = new Answer<>(call, messages, onEnd);
        call.setOnReadyThreshold(Limits.READY_THRESHOLD_BYTES);
        call.setOnCancelHandler(answer::end);
        call.setOnCloseHandler(answer::end);
        call.setOnReadyHandler(answer::write);
        answer.write();
    }

    /** Ends the watch; calls still open are no longer given up. */
    @Override
    public void close() {
        watch.shutdownNow();
    }

    private final class Answer<T> {
        private final Object lock = new Object();
        private final ServerCallStreamObserver<T> call;
        private final Iterator<? extends T> messages;
        private final Runnable onEnd;

        @GuardedBy("lock")
        private final StallClock clock;

        @GuardedBy("lock")
        private boolean ended;

        Answer(ServerCallStreamObserver<T> call, Iterator<? extends T> messages, Runnable onEnd) {
            this.call = call;
            this.messages = messages;
            this.onEnd = onEnd;
            this.clock = new StallClock(watch, stallTimeout, lock, this::giveUp);
        }

        void write() {
            synchronized (lock) {
                clock.stop();
                try {
                    while (!ended && call.isReady()) {
                        if (!messages.hasNext()) {
                            call.onCompleted();
                            end();
                        } else {
                            call.onNext(messages.next());
                        }
                    }
                } catch (RuntimeException e) {
                    call.onError(e);
                    end();
                }
                if (!ended) {
                    clock.wind();
                }
            }
        }

        void end() {
            synchronized (lock) {
                if (ended) {
                    return;
                }
                ended = true;
                clock.stop();
            }
            onEnd.run();
        }

        private void giveUp() {
            synchronized (lock) {
                if (ended || call.isReady()) {
                    return;
                }
                call.onError(
                        new MeshException(
                                ErrorReason.CLIENT_TOO_SLOW,
                                "client does not read: waited=" + stallTimeout,
                                Map.of("timeout", stallTimeout.toString())));
                end();
            }
        }
    }
}
