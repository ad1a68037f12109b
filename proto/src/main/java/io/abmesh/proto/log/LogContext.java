package io.abmesh.proto.log;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jboss.logging.MDC;

/**
 * What a thread works for: the fields {@value #RUN}, {@value #WORKER} and {@value #STEP} of every
 * line that it logs, in the mapped context of the logging library.
 *
 * <p>A new thread begins with the context of the thread that made it. So the threads of a worker
 * have its name from the first; and a task on a thread of a pool says with {@link #during} what it
 * works for, and does not add to what it finds there.
 *
 * @param fields values of those that are known
 */
public record LogContext(Map<String, String> fields) {
    /** Field with the id of the run: {@value}. */
    public static final String RUN = "run";

    /** Field with the name of the worker: {@value}. */
    public static final String WORKER = "worker";

    /** Field with the number of the step: {@value}. */
    public static final String STEP = "step";

    /** Nothing in particular. */
    public static final LogContext NONE = new LogContext(Map.of());

    private static final List<String> FIELDS = List.of(RUN, WORKER, STEP);

    /** Copies the fields. */
    public LogContext {
        fields = Map.copyOf(fields);
    }

    /** Something to do. */
    @FunctionalInterface
    public interface Task<E extends Exception> {
        /** Does it. */
        void run() throws E;
    }

    /** Returns what the calling thread works for. */
    public static LogContext current() {
        Map<String, String> found = new HashMap<>();
        for (String field : FIELDS) {
            if (MDC.get(field) instanceof String value) {
                found.put(field, value);
            }
        }
        return new LogContext(found);
    }

    /** Returns the same for a run; an empty id is none. */
    public LogContext run(String runId) {
        return runId.isEmpty() ? this : with(RUN, runId);
    }

    /** Returns the same by a worker, or on account of one. */
    public LogContext worker(String workerId) {
        return with(WORKER, workerId);
    }

    /** Returns the same at a step; one below 0 is none. */
    public LogContext step(long step) {
        return step < 0 ? this : with(STEP, Long.toString(step));
    }

    private LogContext with(String field, String value) {
        Map<String, String> more = new HashMap<>(fields);
        more.put(field, value);
        return new LogContext(more);
    }

    /** Does something whose lines belong to this and to nothing else. */
    public <E extends Exception> void during(Task<E> task) throws E {
        LogContext before = current();
        enter();
        try {
            task.run();
        } finally {
            before.enter();
        }
    }

    /** Makes this what the calling thread works for from now on. */
    public void enter() {
        for (String field : FIELDS) {
            String value = fields.get(field);
            if (value == null) {
                MDC.remove(field);
            } else {
                var unused = MDC.put(field, value);
            }
        }
    }
}
