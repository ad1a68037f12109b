package io.abmesh.objects;

import static java.util.Objects.requireNonNull;

/**
 * An object as the store lists it.
 *
 * @param key whole key in its bucket
 * @param sizeBytes length
 * @param tag the store's name for this content, with its quotation marks
 */
record StoredObject(String key, long sizeBytes, String tag) {
    StoredObject {
        requireNonNull(key, "key");
        requireNonNull(tag, "tag");
        if (sizeBytes < 0) {
            throw new IllegalArgumentException("size of " + key + ": found=" + sizeBytes);
        }
    }
}
