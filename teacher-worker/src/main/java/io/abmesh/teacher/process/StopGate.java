package io.abmesh.teacher.process;

import io.quarkus.runtime.ShutdownEvent;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Holds the framework's shutdown, and with it the end of the process, until the worker has stopped.
 * On SIGTERM the framework stops on the thread of a JVM hook, beside the worker's own; without this
 * the process would end before the coordinator has heard of it.
 */
@Singleton
final class StopGate {
    /** Longest hold; whoever sent the signal kills after ten seconds. */
    static final Duration LIMIT = Duration.ofSeconds(9);

    private final CountDownLatch stopped = new CountDownLatch(1);
    private volatile boolean running;

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
            boolean unused = stopped.await(LIMIT.toSeconds(), TimeUnit.SECONDS);
        }
    }
}
