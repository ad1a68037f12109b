package io.abmesh.objects;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A file or folder of an {@link ObjectCache}, which no process deletes until this is closed. It may
 * be read and not be changed. Thread-safe.
 */
public final class ObjectUse implements AutoCloseable {
    private final Path path;
    private final Runnable end;
    private final AtomicBoolean closed;

    ObjectUse(Path path, Runnable end) {
        this(path, end, new AtomicBoolean());
    }

    private ObjectUse(Path path, Runnable end, AtomicBoolean closed) {
        this.path = path;
        this.end = end;
        this.closed = closed;
    }

    /** Returns the same use, of a file in its folder. */
    ObjectUse of(String name) {
        return new ObjectUse(path.resolve(name), end, closed);
    }

    /** Returns where it is. */
    public Path path() {
        return path;
    }

    /** Ends the use; a second time does nothing. */
    @Override
    public void close() {
        if (!closed.getAndSet(true)) {
            end.run();
        }
    }
}
