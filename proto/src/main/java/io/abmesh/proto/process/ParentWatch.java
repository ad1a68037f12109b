package io.abmesh.proto.process;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/**
 * Ends a process with the one that started it. {@code abmesh run} cannot stop its children when it
 * is killed with -9, so each child watches for that itself.
 */
public final class ParentWatch {

    /** System property with the parent's process id; absent in a process that stands alone. */
    public static final String PARENT_PID = "abmesh.parent-pid";

    private ParentWatch() {}

    /**
     * Runs {@code shutdown} once, on a thread of the JDK's process reaper, when the parent named by
     * {@value #PARENT_PID} is gone; at once on the calling thread if it is gone already. Does
     * nothing without that property.
     *
     * @throws IllegalArgumentException if the property is not a number
     */
    public static void exitWithParent(Runnable shutdown) {
        parentPid().ifPresent(pid -> watch(pid, shutdown));
    }

    static void watch(long pid, Runnable shutdown) {
        Optional<ProcessHandle> parent = ProcessHandle.of(pid);
        if (parent.isPresent()) {
            CompletableFuture<Void> unused = parent.get().onExit().thenRun(shutdown);
        } else {
            shutdown.run();
        }
    }

    private static OptionalLong parentPid() {
        String pid = System.getProperty(PARENT_PID);
        if (pid == null || pid.isEmpty()) {
            return OptionalLong.empty();
        }
        try {
            return OptionalLong.of(Long.parseLong(pid));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("not a process id: " + PARENT_PID + "=" + pid, e);
        }
    }
}
