package io.abmesh.coordinator.page;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.coordinator.run.MeshState;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.proto.error.MeshException;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;

/**
 * Keeps browsers up to date, each as fast as it reads. Everything that happened since the last turn
 * goes into one message; a turn comes every {@link #TURN}, and costs nothing while nobody looks.
 * Thread-safe.
 */
final class PageStreams implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(PageStreams.class);

    /** Time between two messages of a stream. */
    static final Duration TURN = Duration.ofMillis(250);

    /** Longest that the end of a turn is waited for. */
    private static final Duration LONGEST_TURN = Duration.ofSeconds(2);

    /** Turns between two looks at the mesh. */
    private static final int MESH_TURNS = 4;

    /** Turns without a message after which a sign of life is sent. */
    private static final int QUIET_TURNS = 40;

    /** Where the messages of a stream go. */
    interface Sink {
        /** Returns whether a message would be read soon. */
        boolean ready();

        /** Sends a message. */
        void send(Cursor position, ObjectNode update);

        /** Sends a sign of life. */
        void beat();

        /** Ends the stream; the browser may come back. */
        void end();
    }

    private static final class Open {
        private final PageStream stream;
        private int quiet;

        Open(PageStream stream) {
            this.stream = stream;
        }
    }

    private final Runs runs;
    private final int most;
    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(
                    task -> {
                        Thread turns = new Thread(task, "coordinator-page");
                        turns.setDaemon(true);
                        return turns;
                    });
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<Sink, Open> open = new LinkedHashMap<>();

    @GuardedBy("lock")
    private boolean closed;

    private int turns;
    private ObjectNode mesh = PageJson.mesh(new MeshState(List.of(), List.of(), List.of()));

    /**
     * Makes an empty set of streams.
     *
     * @param most streams at a time
     */
    PageStreams(Runs runs, int most) {
        this.runs = runs;
        this.most = most;
    }

    /** Begins to take turns. */
    void start() {
        var unused =
                thread.scheduleWithFixedDelay(
                        this::turn, TURN.toMillis(), TURN.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Adds a stream; returns false if there are as many as there may be. */
    boolean add(Cursor from, Sink sink) {
        synchronized (lock) {
            if (closed || open.size() >= most) {
                return false;
            }
            open.put(sink, new Open(new PageStream(runs, from)));
            return true;
        }
    }

    /** Forgets a stream whose browser is gone. */
    void remove(Sink sink) {
        synchronized (lock) {
            open.remove(sink);
        }
    }

    /** Tells every browser that reads what is new. */
    void turn() {
        List<Map.Entry<Sink, Open>> all;
        synchronized (lock) {
            all = List.copyOf(open.entrySet());
        }
        if (all.isEmpty()) {
            turns = 0; // who comes next sees the mesh as it is then
            return;
        }
        try {
            if (turns++ % MESH_TURNS == 0) {
                mesh = PageJson.mesh(runs.mesh());
            }
            for (Map.Entry<Sink, Open> one : all) {
                turn(one.getKey(), one.getValue());
            }
        } catch (MeshException e) {
            LOG.debugf("No turn: %s", e.getMessage()); // the coordinator stops
        } catch (RuntimeException e) {
            LOG.error("Page is not brought up to date", e);
        }
    }

    private void turn(Sink sink, Open one) {
        if (!sink.ready()) {
            return;
        }
        try {
            Optional<ObjectNode> update = one.stream.update(mesh);
            if (update.isPresent()) {
                sink.send(one.stream.position(), update.get());
                one.quiet = 0;
            } else if (++one.quiet >= QUIET_TURNS) {
                sink.beat();
                one.quiet = 0;
            }
        } catch (IOException e) {
            LOG.warnf("Stream of the page ends cause=%s", e);
            remove(sink);
            sink.end();
        }
    }

    /** Never by an interrupt: it would close the journal that a turn reads, under its writer. */
    private void endTurns() {
        thread.shutdown();
        try {
            if (!thread.awaitTermination(LONGEST_TURN.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warnf("Page does not end its turn waited=%s", LONGEST_TURN);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends every stream. */
    @Override
    public void close() {
        endTurns();
        List<Sink> sinks;
        synchronized (lock) {
            closed = true;
            sinks = List.copyOf(open.keySet());
            open.clear();
        }
        sinks.forEach(Sink::end);
    }
}
