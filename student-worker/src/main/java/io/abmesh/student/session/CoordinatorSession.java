package io.abmesh.student.session;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.util.Durations;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.error.Retry;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.Heartbeat;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.grpc.ManagedChannel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a student-worker at work: opens the stream, joins, sends a heartbeat every third of the
 * lease, and opens it again, with growing delays, when the coordinator is not there yet, goes away,
 * or is silent for a whole lease. Messages of an older epoch than the newest heard are dropped.
 * Thread-safe; one daemon thread, {@code student-session}.
 */
public final class CoordinatorSession implements WorkSender, AutoCloseable {
    /** Lease until the coordinator has said its own. */
    static final Duration FIRST_LEASE = Duration.ofSeconds(10);

    private static final Logger LOG = Logger.getLogger(CoordinatorSession.class);
    private static final Duration FIRST_DELAY = Duration.ofMillis(100);
    private static final Duration MAX_DELAY = Duration.ofSeconds(5);

    private final ManagedChannel channel;
    private final StudentJoin join;
    private final WorkListener listener;
    private final WorkProgress progress;
    private final LogContext worker;
    private final ScheduledThreadPoolExecutor clock;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private @Nullable Stream stream;

    @GuardedBy("lock")
    private long epoch;

    @GuardedBy("lock")
    private Duration delay = FIRST_DELAY;

    @GuardedBy("lock")
    private boolean reported;

    @GuardedBy("lock")
    private boolean closed;

    /**
     * Opens nothing yet.
     *
     * @param channel to the coordinator; not closed by this
     * @param join what the worker says of itself
     * @param progress what heartbeats tell
     */
    public CoordinatorSession(
            ManagedChannel channel,
            StudentJoin join,
            WorkListener listener,
            WorkProgress progress) {
        this.channel = channel;
        this.join = join;
        this.listener = listener;
        this.progress = progress;
        this.worker = LogContext.NONE.worker(join.getWorkerId());
        this.clock =
                new ScheduledThreadPoolExecutor(
                        1, new DefaultThreadFactory("student-session", true));
        clock.setRemoveOnCancelPolicy(true);
        clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    /** Begins to join; returns at once, whether the coordinator is there or not. */
    public void start() {
        clock.execute(this::open);
    }

    @Override
    public boolean send(WorkRequest.Builder message, long of) {
        synchronized (lock) {
            return stream != null && stream.accepted && stream.send(message, of);
        }
    }

    /**
     * Gives the stream up and opens a new one, so that the coordinator assigns again what is not
     * answered.
     */
    public void reopen(MeshException reason) {
        synchronized (lock) {
            if (stream != null) {
                stream.cancel(reason);
            }
        }
    }

    /** Half-closes the stream, which means that the worker leaves. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            if (stream != null) {
                stream.leave();
            }
        }
        clock.shutdown();
    }

    private void open() {
        synchronized (lock) {
            if (closed) {
                return;
            }
            // The delays are the session's own: in a channel's, up to minutes, every call fails.
            channel.resetConnectBackoff();
            Stream opened = new Stream();
            stream = opened;
            AssignmentServiceGrpc.newStub(channel).work(opened);
            opened.send(WorkRequest.newBuilder().setJoin(join), 0);
            opened.expect(FIRST_LEASE);
        }
    }

    private void heard(Stream from, WorkResponse message) {
        synchronized (lock) {
            if (stream != from || closed) {
                return;
            }
            from.expect(from.lease);
            if (!message.hasAccepted() && message.getEpoch() < epoch) {
                LOG.warnf(
                        "Message of an older epoch dropped message=%s found=%d expected=%d",
                        message.getMessageCase(), message.getEpoch(), epoch);
                return;
            }
            epoch = message.getEpoch();
            if (message.hasAccepted()) {
                accepted(from, message);
            } else if (!message.hasHeartbeat()) {
                try {
                    listener.received(message);
                } catch (MeshException e) {
                    LOG.warnf("Coordinator breaks the rules: %s", e.getMessage());
                    from.cancel(e);
                } catch (RuntimeException | Error e) {
                    LOG.errorf(e, "Message cannot be taken message=%s", message.getMessageCase());
                    from.cancel(
                            new MeshException(
                                    ErrorReason.INTERNAL,
                                    "student cannot take a message: " + e,
                                    Map.of(),
                                    e));
                }
            }
        }
    }

    @GuardedBy("lock")
    private void accepted(Stream from, WorkResponse message) {
        from.accepted = true;
        reported = false;
        delay = FIRST_DELAY;
        if (message.getAccepted().hasLeaseDuration()) {
            from.lease =
                    Duration.ofNanos(Durations.toNanos(message.getAccepted().getLeaseDuration()));
        }
        from.expect(from.lease);
        from.beat(from.lease.dividedBy(3));
        LOG.infof(
                "Joined the coordinator worker=%s epoch=%d lease=%s",
                join.getWorkerId(), epoch, from.lease);
    }

    private void over(Stream ended, MeshException cause) {
        synchronized (lock) {
            if (stream != ended || closed) {
                return;
            }
            ended.stopClocks();
            stream = null;
            listener.lost();
            Retry retry = cause.reason().retry();
            if (!ended.accepted && retry == Retry.AFTER_OPERATOR) {
                closed = true;
                listener.refused(cause);
                return;
            }
            if (!reported) {
                reported = true;
                LOG.warnf(
                        "Stream to the coordinator is over, opening another reason=%s: %s",
                        cause.reason(), cause.getMessage());
            }
            ScheduledFuture<?> unused =
                    clock.schedule(this::open, delay.toMillis(), TimeUnit.MILLISECONDS);
            Duration doubled = delay.multipliedBy(2);
            delay = doubled.compareTo(MAX_DELAY) < 0 ? doubled : MAX_DELAY;
        }
    }

    /** One Work call; its fields are the session's, under the session's lock. */
    private final class Stream implements ClientResponseObserver<WorkRequest, WorkResponse> {
        private @Nullable ClientCallStreamObserver<WorkRequest> call;
        private @Nullable ScheduledFuture<?> silence;
        private @Nullable ScheduledFuture<?> heartbeat;
        private Duration lease = FIRST_LEASE;
        private boolean accepted;
        private boolean ended;

        @Override
        public void beforeStart(ClientCallStreamObserver<WorkRequest> started) {
            call = started;
            started.disableAutoRequestWithInitial(1);
        }

        @Override
        public void onNext(WorkResponse message) {
            worker.during(() -> heard(this, message));
            if (call != null) {
                call.request(1);
            }
        }

        @Override
        public void onError(Throwable cause) {
            worker.during(() -> over(this, ErrorStatuses.fromThrowable(cause)));
        }

        @Override
        public void onCompleted() {
            onError(
                    new MeshException(
                            ErrorReason.TRANSPORT_UNAVAILABLE, "coordinator ended the stream"));
        }

        boolean send(WorkRequest.Builder message, long current) {
            if (call == null || ended) {
                return false;
            }
            call.onNext(message.setEpoch(current).build());
            return true;
        }

        void cancel(MeshException reason) {
            if (call != null && !ended) {
                ended = true;
                call.cancel(reason.getMessage(), reason);
            }
        }

        /** Half-closes. */
        void leave() {
            stopClocks();
            if (call != null && !ended) {
                ended = true;
                call.onCompleted();
            }
        }

        /** Gives the coordinator a whole lease to say something. */
        void expect(Duration time) {
            if (silence != null) {
                silence.cancel(false);
            }
            silence = clock.schedule(this::silent, time.toMillis(), TimeUnit.MILLISECONDS);
        }

        void beat(Duration every) {
            if (heartbeat != null) {
                heartbeat.cancel(false);
            }
            long millis = Math.max(1, every.toMillis());
            heartbeat =
                    clock.scheduleAtFixedRate(
                            this::sendHeartbeat, millis, millis, TimeUnit.MILLISECONDS);
        }

        void stopClocks() {
            if (silence != null) {
                silence.cancel(false);
            }
            if (heartbeat != null) {
                heartbeat.cancel(false);
            }
        }

        private void sendHeartbeat() {
            synchronized (lock) {
                if (stream == this && !closed) {
                    send(
                            WorkRequest.newBuilder()
                                    .setHeartbeat(
                                            Heartbeat.newBuilder()
                                                    .setProgressCount(progress.count())),
                            epoch);
                }
            }
        }

        private void silent() {
            synchronized (lock) {
                if (stream == this && !closed) {
                    cancel(
                            new MeshException(
                                    ErrorReason.TRANSPORT_UNAVAILABLE,
                                    "coordinator is silent for a whole lease: " + lease));
                }
            }
        }
    }
}
