package io.abmesh.coordinator.page;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.abmesh.coordinator.run.RunRecord;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.proto.v1.Run;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What one browser has heard, and so what it is to hear next. Keeps positions instead of messages:
 * a browser that reads slowly, or that was away, gets larger messages and costs no memory. Not
 * thread-safe.
 */
final class PageStream {
    /** Events of a run in one message at most: {@value}. */
    static final int MOST_EVENTS = 500;

    /** Events of a run behind which the page does better to fetch its curves again: {@value}. */
    static final int MOST_BEHIND = 4 * MOST_EVENTS;

    private final Runs runs;
    private final Map<String, Integer> next;
    private final Map<String, Run> heard = new HashMap<>();
    private boolean greeted;
    private @Nullable ObjectNode mesh;

    /**
     * Starts where a browser is.
     *
     * @param from the events that it wants next, of each run that it follows
     */
    PageStream(Runs runs, Cursor from) {
        this.runs = runs;
        this.next = new LinkedHashMap<>(from.next());
    }

    /** Returns how far the browser has heard once it reads the last message. */
    Cursor position() {
        return new Cursor(next);
    }

    /**
     * Returns what is new: states of runs (in the first message of those that have not ended or are
     * followed: a list of the others is asked for), events, the mesh; nothing if nothing is.
     *
     * @param now the mesh as it is
     */
    Optional<ObjectNode> update(ObjectNode now) throws IOException {
        ObjectNode update = PageJson.object();
        runs(update);
        events(update);
        if (!now.equals(mesh)) {
            mesh = now;
            update.set("mesh", now);
        }
        return update.isEmpty() ? Optional.empty() : Optional.of(update);
    }

    private void runs(ObjectNode update) {
        ArrayNode changed = PageJson.array();
        for (RunRecord record : runs.records()) {
            Run run = record.snapshot();
            boolean different = !run.equals(heard.put(run.getRunId(), run));
            if (different && (greeted || wanted(record))) {
                changed.add(PageJson.summary(record));
            }
        }
        if (!greeted) {
            update.put("complete", true);
        }
        if (!greeted || !changed.isEmpty()) {
            update.set("runs", changed);
        }
        greeted = true;
    }

    private boolean wanted(RunRecord record) {
        return !record.ended() || next.containsKey(record.folder().runId());
    }

    private void events(ObjectNode update) throws IOException {
        for (Map.Entry<String, Integer> position : next.entrySet()) {
            RunRecord record = runs.find(position.getKey()).orElse(null);
            int count = record == null ? 0 : record.journal().count();
            int from = position.getValue();
            if (from > count || count - from > MOST_BEHIND) {
                behind(update).add(position.getKey());
                position.setValue(count);
            } else if (record != null && from < count) {
                int end = Math.min(count, from + MOST_EVENTS);
                ArrayNode events = events(update, position.getKey());
                for (int i = from; i < end; i++) {
                    events.add(
                            PageJson.event(
                                    record.journal().read(i), record.folder().plan().plan()));
                }
                position.setValue(end);
            }
        }
    }

    private static ArrayNode behind(ObjectNode update) {
        return update.withArray("behind");
    }

    private static ArrayNode events(ObjectNode update, String runId) {
        ObjectNode events =
                update.get("events") instanceof ObjectNode known
                        ? known
                        : update.putObject("events");
        return events.putArray(runId);
    }
}
