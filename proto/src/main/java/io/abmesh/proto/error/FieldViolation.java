package io.abmesh.proto.error;

import static java.util.Objects.requireNonNull;

/**
 * One problem of a request.
 *
 * @param field path of the field, for example {@code phases[0].losses[1].weight}
 * @param description what is wrong, found and expected; one sentence
 */
public record FieldViolation(String field, String description) {
    /** Requires both. */
    public FieldViolation {
        requireNonNull(field, "field");
        requireNonNull(description, "description");
    }
}
