package io.abmesh.nn.loss;

import java.util.List;
import java.util.stream.IntStream;

/**
 * An output of the student that a loss reads.
 *
 * @param kind what it is
 * @param tap number of the tap, from 0 for the first; 0 for what is at none
 */
public record StudentOutput(Kind kind, int tap) {
    /** What a student puts out. */
    public enum Kind {
        /** Responses at a tap behind the connector, if it has one: of the teacher's shape. */
        RESPONSE,
        /** The tap itself: of the teacher's rows and columns, and the student's channels. */
        TAP,
        /** Logits of the classifier, one per class of the data. */
        LOGITS,
        /** Logits through a linear map of the pooled features, one per class of the teacher. */
        MAPPED_LOGITS
    }

    /** Logits of the classifier. */
    public static final StudentOutput LOGITS = new StudentOutput(Kind.LOGITS, 0);

    /** Logits of the teacher's classes. */
    public static final StudentOutput MAPPED_LOGITS = new StudentOutput(Kind.MAPPED_LOGITS, 0);

    /**
     * Returns an output at each of some taps.
     *
     * @param taps their numbers, ascending; empty: all
     * @param tapCount taps of the run
     * @throws IllegalArgumentException if the run has no taps
     */
    static List<StudentOutput> at(Kind kind, List<Integer> taps, int tapCount) {
        if (tapCount == 0) {
            throw new IllegalArgumentException("a loss at taps needs taps");
        }
        return (taps.isEmpty() ? IntStream.range(0, tapCount).boxed() : taps.stream())
                .map(tap -> new StudentOutput(kind, tap))
                .toList();
    }

    /** Returns whether it is at a tap. */
    public boolean atTap() {
        return kind == Kind.RESPONSE || kind == Kind.TAP;
    }
}
