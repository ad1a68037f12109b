package io.abmesh.coordinator.page;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;

/**
 * How far a browser has heard: for each run that it follows, the number of the event it wants next.
 * Written {@code RUN:NEXT,RUN:NEXT}; it is the id of every message of a stream, so a browser that
 * lost the server sends it when it is back.
 *
 * @param next by run, in the order in which they were asked for
 */
record Cursor(Map<String, Integer> next) {
    /** Runs that a browser may follow at a time: {@value}. */
    static final int MOST_RUNS = 8;

    Cursor {
        next = Collections.unmodifiableMap(new LinkedHashMap<>(next));
    }

    /**
     * Reads what {@link #toString} wrote.
     *
     * @throws IllegalArgumentException if it is something else, or of more than {@value #MOST_RUNS}
     *     runs
     */
    static Cursor parse(String text) {
        Map<String, Integer> next = new LinkedHashMap<>();
        for (String entry : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            int colon = entry.lastIndexOf(':');
            int number;
            try {
                number = Integer.parseInt(entry.substring(colon + 1));
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(expected(text), e);
            }
            if (colon <= 0 || number < 0) {
                throw new IllegalArgumentException(expected(text));
            }
            next.put(entry.substring(0, colon), number);
        }
        if (next.size() > MOST_RUNS) {
            throw new IllegalArgumentException(
                    "too many runs: found=" + next.size() + ", expected=at most " + MOST_RUNS);
        }
        return new Cursor(next);
    }

    private static String expected(String text) {
        return "no position: found=" + text + ", expected=RUN:NEXT,RUN:NEXT";
    }

    @Override
    public String toString() {
        StringJoiner text = new StringJoiner(",");
        next.forEach((run, number) -> text.add(run + ":" + number));
        return text.toString();
    }
}
