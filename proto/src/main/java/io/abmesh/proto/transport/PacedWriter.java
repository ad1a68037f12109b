package io.abmesh.proto.transport;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.grpc.stub.CallStreamObserver;
import io.grpc.stub.ServerCallStreamObserver;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Writes to one direction of a stream and blocks the writer while the peer does not read, so that
 * at most {@link Limits#READY_THRESHOLD_BYTES} plus one message per writing thread are queued.
 * Thread-safe: writers of several threads are put in order, which gRPC's own observers do not do.
 * For threads of the application only: a gRPC thread that blocks here would block what it waits
 * for.
 */
public final class PacedWriter<T> {
    private final Duration stallTimeout;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private @Nullable CallStreamObserver<T> observer;

    @GuardedBy("lock")
    private boolean over;

    @GuardedBy("lock")
    private @Nullable Throwable cause;

    /**
     * Makes a writer for one call.
     *
     * @param stallTimeout how long {@link #write} waits for the peer to read
     */
    public PacedWriter(Duration stallTimeout) {
        this.stallTimeout = stallTimeout;
    }

    /**
     * Takes the call's observer, at the time when gRPC allows handlers to be set: in {@code
     * ClientResponseObserver.beforeStart}, or in the server's method before it returns.
     */
    public void attach(CallStreamObserver<T> call) {
        if (call instanceof ServerCallStreamObserver<T> server) {
            server.setOnReadyThreshold(Limits.READY_THRESHOLD_BYTES);
        }
        call.setOnReadyHandler(this::wake);
        lock.lock();
        try {
            observer = call;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Writes when the peer reads.
     *
     * @throws MeshException CLIENT_TOO_SLOW if the peer does not read for the stall timeout, after
     *     which the stream is of no use; if the call is over, the reason for which it ended,
     *     CANCELLED if there was none
     * @throws InterruptedException if the thread is interrupted while it waits; nothing was written
     */
    public void write(T message) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long left = stallTimeout.toNanos();
            while (!over && (observer == null || !observer.isReady())) {
                if (left <= 0) {
                    throw new MeshException(
                            ErrorReason.CLIENT_TOO_SLOW,
                            "peer does not read: waited=" + stallTimeout,
                            Map.of("timeout", stallTimeout.toString()));
                }
                left = changed.awaitNanos(left);
            }
            if (over || observer == null) {
                throw ended();
            }
            observer.onNext(message);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Writes at once, whether the peer reads or not: for heartbeats and answers whose number
     * something else bounds.
     *
     * @return false if the call is over or not attached yet; nothing was written
     */
    public boolean tryWrite(T message) {
        lock.lock();
        try {
            if (over || observer == null) {
                return false;
            }
            observer.onNext(message);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Ends this direction of the stream; does nothing when it has ended. */
    public void complete() {
        lock.lock();
        try {
            if (!over && observer != null) {
                over = true;
                observer.onCompleted();
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends the call with an error: on a server its status, on a client a cancellation; does nothing
     * when it has ended.
     */
    public void fail(MeshException failure) {
        lock.lock();
        try {
            if (!over && observer != null) {
                over = true;
                cause = failure;
                observer.onError(ErrorStatuses.toException(failure));
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Says that the call is over, from the reading side's {@code onError}, {@code onCompleted} or
     * cancel handler: waiting writers fail.
     *
     * @param reason why, or null for an orderly end
     */
    public void closed(@Nullable Throwable reason) {
        lock.lock();
        try {
            if (!over) {
                over = true;
                cause = reason;
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** True until the call is over or this direction was ended. */
    public boolean isOpen() {
        lock.lock();
        try {
            return !over;
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private MeshException ended() {
        Throwable reason = cause;
        return reason == null
                ? new MeshException(ErrorReason.CANCELLED, "stream has ended")
                : ErrorStatuses.fromThrowable(reason);
    }

    private void wake() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
