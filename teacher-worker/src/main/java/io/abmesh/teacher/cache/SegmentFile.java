package io.abmesh.teacher.cache;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** What a segment needs of its file; a seam for tests that run out of disk. */
interface SegmentFile extends AutoCloseable {
    /** Fills the buffer from a position on, or to the end of the file. */
    void read(ByteBuffer target, long position) throws IOException;

    /** Writes all of the buffer at a position. */
    void write(ByteBuffer source, long position) throws IOException;

    /** Length in bytes. */
    long size() throws IOException;

    /** Cuts the file. */
    void truncate(long size) throws IOException;

    @Override
    void close() throws IOException;

    /** Opens segment files. */
    @FunctionalInterface
    interface Opener {
        /** Opens the file, new or not, for reading and writing. */
        SegmentFile open(Path path) throws IOException;
    }

    /** A file of the file system. */
    static SegmentFile open(Path path) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE);
        return new SegmentFile() {
            @Override
            public void read(ByteBuffer target, long position) throws IOException {
                long at = position;
                while (target.hasRemaining()) {
                    int count = channel.read(target, at);
                    if (count < 0) {
                        return;
                    }
                    at += count;
                }
            }

            @Override
            public void write(ByteBuffer source, long position) throws IOException {
                long at = position;
                while (source.hasRemaining()) {
                    at += channel.write(source, at);
                }
            }

            @Override
            public long size() throws IOException {
                return channel.size();
            }

            @Override
            public void truncate(long size) throws IOException {
                channel.truncate(size);
            }

            @Override
            public void close() throws IOException {
                channel.close();
            }
        };
    }
}
