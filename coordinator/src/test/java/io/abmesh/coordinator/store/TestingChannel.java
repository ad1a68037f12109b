package io.abmesh.coordinator.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;

/** A file that writes down what is done to it, and may be full. */
final class TestingChannel extends FileChannel {
    final List<String> done = new ArrayList<>();
    private final FileChannel file;
    private long room = Long.MAX_VALUE;

    TestingChannel(FileChannel file) {
        this.file = file;
    }

    /** From now on only so many bytes find a place. */
    void room(long bytes) {
        room = bytes;
    }

    @Override
    public int write(ByteBuffer source, long position) throws IOException {
        if (room == 0) {
            throw new IOException("No space left on device");
        }
        int limit = source.limit();
        source.limit((int) Math.min(limit, source.position() + room));
        int written = file.write(source, position);
        source.limit(limit);
        room -= written;
        done.add("write");
        return written;
    }

    @Override
    public void force(boolean metaData) throws IOException {
        done.add("force");
        file.force(metaData);
    }

    @Override
    public FileChannel truncate(long size) throws IOException {
        done.add("truncate");
        file.truncate(size);
        return this;
    }

    @Override
    public int read(ByteBuffer target, long position) throws IOException {
        return file.read(target, position);
    }

    @Override
    public long size() throws IOException {
        return file.size();
    }

    @Override
    protected void implCloseChannel() throws IOException {
        file.close();
    }

    @Override
    public int read(ByteBuffer target) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] targets, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int write(ByteBuffer source) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long position() {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel position(long position) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long position, long count) {
        throw new UnsupportedOperationException();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long size) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileLock lock(long position, long size, boolean shared) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileLock tryLock(long position, long size, boolean shared) {
        throw new UnsupportedOperationException();
    }
}
