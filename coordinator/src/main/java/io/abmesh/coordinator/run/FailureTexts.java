package io.abmesh.coordinator.run;

import io.abmesh.proto.error.FieldViolation;
import io.abmesh.proto.error.MeshException;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What went wrong, cut to what a person reads and a journal takes: workers and plans can make a
 * message as long as they like.
 */
final class FailureTexts {
    /** Characters of a message: {@value}. */
    static final int MOST_CHARACTERS = 4096;

    /** Characters of a name or a value beside it: {@value}. */
    static final int MOST_BESIDE = 1024;

    /** Values, and violations, beside a message: {@value} of each. */
    static final int MOST_ENTRIES = 50;

    private FailureTexts() {}

    /** Returns a message, which says where it is cut if it is. */
    static String cut(String text) {
        return cut(text, MOST_CHARACTERS);
    }

    /** Returns a failure with all of its texts cut, and without those that are too many. */
    static MeshException cut(MeshException failure) {
        Map<String, String> metadata =
                failure.metadata().entrySet().stream()
                        .sorted(Map.Entry.comparingByKey())
                        .limit(MOST_ENTRIES)
                        .collect(
                                Collectors.toMap(
                                        entry -> cut(entry.getKey(), MOST_BESIDE),
                                        entry -> cut(entry.getValue(), MOST_BESIDE),
                                        (first, second) -> first));
        MeshException cut =
                new MeshException(
                                failure.reason(),
                                cut(failure.getMessage()),
                                metadata,
                                failure.getCause())
                        .withFieldViolations(
                                failure.fieldViolations().stream()
                                        .limit(MOST_ENTRIES)
                                        .map(FailureTexts::cut)
                                        .toList());
        return failure.retryDelay().map(cut::withRetryDelay).orElse(cut);
    }

    private static FieldViolation cut(FieldViolation violation) {
        return new FieldViolation(
                cut(violation.field(), MOST_BESIDE), cut(violation.description(), MOST_BESIDE));
    }

    private static String cut(String text, int most) {
        return text.length() <= most
                ? text
                : text.substring(0, most) + "... (" + (text.length() - most) + " more characters)";
    }
}
