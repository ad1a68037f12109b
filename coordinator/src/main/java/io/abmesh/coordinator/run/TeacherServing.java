package io.abmesh.coordinator.run;

import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a teacher has of a stream: the micro-batches that it holds, those among them that it has not
 * answered, and since when it owes something. On the coordinator's loop.
 *
 * @param <T> what is known of a micro-batch
 */
final class TeacherServing<T> {
    private final TeacherFeed.Need need;
    private final Map<String, T> held = new LinkedHashMap<>();
    private final Set<String> unanswered = new HashSet<>();
    private boolean opened;

    /** When it answered last, or began to owe an answer. */
    private Instant since;

    /** A stream that is asked for. */
    TeacherServing(TeacherFeed.Need need, Instant now) {
        this.need = need;
        this.since = now;
    }

    TeacherFeed.Need need() {
        return need;
    }

    /** Returns what it holds, by the batch's name. */
    Map<String, T> held() {
        return held;
    }

    /** The stream is open. */
    void opened(Instant now) {
        opened = true;
        since = now;
    }

    /** It is given a micro-batch. */
    void give(String batchId, T batch, Instant now) {
        if (unanswered.isEmpty()) {
            since = now;
        }
        held.put(batchId, batch);
        unanswered.add(batchId);
    }

    /** It has computed one, or cannot; returns it if it holds it. */
    Optional<T> answered(String batchId, Instant now) {
        unanswered.remove(batchId);
        since = now;
        return Optional.ofNullable(held.get(batchId));
    }

    /** It holds that one no longer. */
    Optional<T> take(String batchId) {
        unanswered.remove(batchId);
        return Optional.ofNullable(held.remove(batchId));
    }

    /**
     * Returns how long it has answered nothing though it owes something; zero if it owes nothing.
     */
    Duration silent(Instant now) {
        return opened && unanswered.isEmpty() ? Duration.ZERO : Duration.between(since, now);
    }

    /** Returns what it owes, for people. */
    String owed() {
        return opened ? unanswered.size() + " micro-batches" : "a stream";
    }
}
