package io.abmesh.nn.teacher;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/** Files beside a test class. */
final class Fixtures {
    private Fixtures() {}

    static Path path(Class<?> test, String name) {
        try {
            return Path.of(Objects.requireNonNull(test.getResource(name), name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(name, e);
        }
    }

    static ByteBuffer bytes(Class<?> test, String name) {
        try {
            return ByteBuffer.wrap(Files.readAllBytes(path(test, name)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
