package io.abmesh.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

final class ObjectCacheTest {
    @Test
    void anEmptyObjectInThePlaceOfAFolderIsLeftOut() {
        List<StoredObject> files =
                ObjectCache.withoutMarkers(
                        List.of(
                                object("data/train", 0),
                                object("data/train-2", 0),
                                object("data/train/cat", 0),
                                object("data/train/cat/1.png", 7),
                                object("data/train/dog", 0)));

        assertThat(files)
                .extracting(StoredObject::key)
                .containsExactly("data/train-2", "data/train/cat/1.png", "data/train/dog");
    }

    @Test
    void anObjectWithContentInThePlaceOfAFolderIsRefused() {
        assertThatThrownBy(
                        () ->
                                ObjectCache.withoutMarkers(
                                        List.of(
                                                object("data/train", 3),
                                                object("data/train/cat/1.png", 7))))
                .isInstanceOfSatisfying(
                        ObjectException.class,
                        e -> assertThat(e.reason()).isEqualTo(ObjectException.Reason.BAD_ADDRESS))
                .hasMessage(
                        "key cannot be a file and a folder: found=data/train of 3 bytes,"
                                + " expected=no object of that name, or an empty one");
    }

    private static StoredObject object(String key, long sizeBytes) {
        return new StoredObject(key, sizeBytes, "\"tag\"");
    }
}
