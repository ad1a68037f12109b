package io.abmesh.e2e.chaos;

import io.abmesh.e2e.harness.MeshProbe;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;

/**
 * Something that happens to processes of a mesh.
 *
 * @param kind what
 * @param processes to whom, for example {@code student-0}
 * @param pause how long a process is stopped, if it is
 */
record Fault(Kind kind, List<String> processes, Duration pause) {
    /** What can happen. */
    enum Kind {
        /** SIGKILL. */
        KILLED,
        /** SIGTERM: the process hands back what it has and leaves. */
        ASKED_TO_LEAVE,
        /** SIGSTOP, then SIGCONT. */
        STOPPED
    }

    Fault {
        processes = List.copyOf(processes);
    }

    /**
     * Draws a fault.
     *
     * @param all names of the processes that there are
     * @param lease of the mesh; one stop in two is longer
     */
    static Fault draw(RandomGenerator random, List<String> all, Duration lease) {
        List<String> names = new ArrayList<>(all);
        Collections.shuffle(names, new Random(random.nextLong()));
        int draw = random.nextInt(10);
        if (draw < 5) {
            return new Fault(Kind.KILLED, names.subList(0, 1), Duration.ZERO);
        }
        if (draw < 7) {
            return new Fault(Kind.KILLED, names.subList(0, 2), Duration.ZERO);
        }
        if (draw < 8) {
            return new Fault(Kind.ASKED_TO_LEAVE, names.subList(0, 1), Duration.ZERO);
        }
        Duration pause = random.nextBoolean() ? lease.plusSeconds(1) : Duration.ofMillis(300);
        return new Fault(Kind.STOPPED, names.subList(0, 1), pause);
    }

    /** Makes it happen; a process that was stopped goes on later. */
    void strike(MeshProbe mesh) throws IOException, InterruptedException {
        for (String process : processes) {
            switch (kind) {
                case KILLED -> mesh.signal(process, "KILL");
                case ASKED_TO_LEAVE -> mesh.signal(process, "TERM");
                case STOPPED -> {
                    mesh.signal(process, "STOP");
                    CompletableFuture.delayedExecutor(pause.toMillis(), TimeUnit.MILLISECONDS)
                            .execute(() -> goOn(mesh, process));
                }
            }
        }
    }

    private static void goOn(MeshProbe mesh, String process) {
        try {
            mesh.signal(process, "CONT");
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
