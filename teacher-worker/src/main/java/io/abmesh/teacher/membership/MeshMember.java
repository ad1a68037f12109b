package io.abmesh.teacher.membership;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.util.Durations;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.error.Retry;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.JoinMeshResponse;
import io.abmesh.proto.v1.MembershipServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a teacher-worker known to the coordinator: joins, sends a heartbeat at every third of the
 * lease, and joins again, with growing delays, when the coordinator is not there yet, goes away or
 * falls silent for a whole lease. A coordinator that does not take it, for a reason that only a
 * person can change, is not asked again. Thread-safe; one daemon thread, {@code
 * teacher-membership}.
 */
public final class MeshMember implements AutoCloseable {
    /** Lease until the coordinator has said its own. */
    static final Duration FIRST_LEASE = Duration.ofSeconds(10);

    private static final Logger LOG = Logger.getLogger(MeshMember.class);
    private static final Duration FIRST_DELAY = Duration.ofMillis(100);
    private static final Duration MAX_DELAY = Duration.ofSeconds(5);
    private static final JoinMeshRequest HEARTBEAT = JoinMeshRequest.getDefaultInstance();

    private final JoinMeshRequest join;
    private final String coordinator;
    private final LogContext worker;
    private final ManagedChannel channel;
    private final ScheduledThreadPoolExecutor clock;
    private final CompletableFuture<MeshException> refusal = new CompletableFuture<>();
    private final Object lock = new Object();

    @GuardedBy("lock")
    private @Nullable Seat seat;

    @GuardedBy("lock")
    private Duration delay = FIRST_DELAY;

    @GuardedBy("lock")
    private @Nullable ScheduledFuture<?> retry;

    @GuardedBy("lock")
    private boolean lost;

    @GuardedBy("lock")
    private boolean draining;

    @GuardedBy("lock")
    private boolean closed;

    private MeshMember(JoinMeshRequest join, String coordinator, MeshSecurity security) {
        this.join = join;
        this.coordinator = coordinator;
        this.worker = LogContext.NONE.worker(join.getWorkerId());
        this.channel =
                MeshChannels.open(
                        "teacher-membership", coordinator, security, MeshRole.COORDINATOR);
        ThreadFactory threads =
                task -> {
                    Thread thread = new Thread(task, "teacher-membership");
                    thread.setDaemon(true);
                    return thread;
                };
        this.clock = new ScheduledThreadPoolExecutor(1, threads);
        clock.setRemoveOnCancelPolicy(true);
        clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    /**
     * Begins to join; returns at once, whether the coordinator is there or not.
     *
     * @param join what the worker says of itself
     * @param coordinator {@code host:port}
     * @param security of this process; borrowed
     */
    public static MeshMember join(JoinMeshRequest join, String coordinator, MeshSecurity security) {
        MeshMember member = new MeshMember(join, coordinator, security);
        member.clock.execute(member::sit);
        return member;
    }

    /** Completes when the coordinator refuses this worker for good. */
    public CompletableFuture<MeshException> refusal() {
        return refusal;
    }

    /** Tells the coordinator to send nothing new; does not join again from now on. */
    public void drain() {
        synchronized (lock) {
            draining = true;
            if (seat != null) {
                seat.send(join.toBuilder().setDraining(true).build());
            }
        }
    }

    /** Leaves: the coordinator takes the worker off its list. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            if (retry != null) {
                retry.cancel(false);
            }
            if (seat != null) {
                seat.leave();
            }
        }
        clock.shutdown();
        MeshChannels.close(channel, Duration.ofSeconds(1));
    }

    private void sit() {
        synchronized (lock) {
            if (closed || draining) {
                return;
            }
            Seat next = new Seat();
            seat = next;
            MembershipServiceGrpc.newStub(channel).joinMesh(next);
            next.send(join);
            next.expect(FIRST_LEASE);
        }
    }

    private void over(Seat ended, Throwable cause) {
        synchronized (lock) {
            if (seat != ended || closed) {
                return;
            }
            ended.stopClocks();
            seat = null;
            MeshException failure = ErrorStatuses.fromThrowable(cause);
            if (!ended.accepted && failure.reason().retry() == Retry.AFTER_OPERATOR) {
                closed = true;
                refusal.complete(failure);
                return;
            }
            if (!lost) {
                lost = true;
                LOG.warnf(
                        "Coordinator is not there, trying again coordinator=%s reason=%s: %s",
                        coordinator, failure.reason(), failure.getMessage());
            }
            retry = clock.schedule(this::sit, delay.toMillis(), TimeUnit.MILLISECONDS);
            Duration doubled = delay.multipliedBy(2);
            delay = doubled.compareTo(MAX_DELAY) < 0 ? doubled : MAX_DELAY;
        }
    }

    private void heard(Seat from, Duration lease) {
        synchronized (lock) {
            if (seat != from || closed) {
                return;
            }
            if (!from.accepted) {
                from.accepted = true;
                lost = false;
                delay = FIRST_DELAY;
                LOG.infof(
                        "Joined the mesh coordinator=%s worker=%s address=%s lease=%s",
                        coordinator, join.getWorkerId(), join.getAddress(), lease);
            }
            from.expect(lease);
            from.beat(lease.dividedBy(3));
        }
    }

    /** One JoinMesh call; its state is the member's, under the member's lock. */
    private final class Seat implements ClientResponseObserver<JoinMeshRequest, JoinMeshResponse> {
        private @Nullable ClientCallStreamObserver<JoinMeshRequest> call;
        private @Nullable ScheduledFuture<?> silence;
        private @Nullable ScheduledFuture<?> heartbeat;
        private Duration interval = Duration.ZERO;
        private boolean accepted;

        @Override
        public void beforeStart(ClientCallStreamObserver<JoinMeshRequest> started) {
            call = started;
        }

        @Override
        public void onNext(JoinMeshResponse response) {
            Duration lease =
                    response.hasLeaseDuration()
                            ? Duration.ofNanos(Durations.toNanos(response.getLeaseDuration()))
                            : FIRST_LEASE;
            worker.during(() -> heard(this, lease));
        }

        @Override
        public void onError(Throwable cause) {
            worker.during(() -> over(this, cause));
        }

        @Override
        public void onCompleted() {
            onError(new IllegalStateException("coordinator ended the stream"));
        }

        void send(JoinMeshRequest message) {
            if (call != null) {
                call.onNext(message);
            }
        }

        /** Half-closes, which means to leave. */
        void leave() {
            stopClocks();
            if (call != null) {
                call.onCompleted();
            }
        }

        /** Gives the coordinator a whole lease to say something. */
        void expect(Duration lease) {
            if (silence != null) {
                silence.cancel(false);
            }
            silence = clock.schedule(this::silent, lease.toMillis(), TimeUnit.MILLISECONDS);
        }

        void beat(Duration every) {
            if (every.equals(interval)) {
                return;
            }
            if (heartbeat != null) {
                heartbeat.cancel(false);
            }
            interval = every;
            long millis = Math.max(1, every.toMillis());
            heartbeat =
                    clock.scheduleAtFixedRate(
                            () -> {
                                synchronized (lock) {
                                    if (seat == this && !closed) {
                                        send(HEARTBEAT);
                                    }
                                }
                            },
                            millis,
                            millis,
                            TimeUnit.MILLISECONDS);
        }

        void stopClocks() {
            if (silence != null) {
                silence.cancel(false);
            }
            if (heartbeat != null) {
                heartbeat.cancel(false);
            }
        }

        private void silent() {
            synchronized (lock) {
                if (call != null) {
                    call.cancel("coordinator is silent for a whole lease", null);
                }
            }
        }
    }
}
