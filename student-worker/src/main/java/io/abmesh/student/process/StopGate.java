package io.abmesh.student.process;

import io.quarkus.runtime.ShutdownEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Holds the framework's shutdown, and with it the end of the process, until the worker has stopped.
 * On SIGTERM the framework stops on the thread of a JVM hook, beside the worker's own; without this
 * the process would end in the middle of the last checkpoint.
 */
@Singleton
final class StopGate {
    /** How long a worker may take beyond its grace: to close what it has open. */
    static final Duration CLOSING = Duration.ofSeconds(5);

    private final CountDownLatch stopped = new CountDownLatch(1);
    private final Duration limit;
    private volatile boolean running;

    StopGate(StudentConfig config) {
        this.limit = config.stopGrace().plus(CLOSING);
    }

    /** The worker begins; from now on the shutdown waits for it. */
    void begin() {
        running = true;
    }

    /** The worker has stopped. */
    void open() {
        stopped.countDown();
    }

    void hold(@Observes ShutdownEvent event) throws InterruptedException {
        if (running) {
            boolean unused = stopped.await(limit.toMillis(), TimeUnit.MILLISECONDS);
        }
    }
}
