package io.abmesh.data.source;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.PackedImages;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Takes decoded images one after the other and keeps them packed: on the heap if they are few, else
 * in a temporary file that is mapped when it is complete. The file is written, not mapped, while it
 * grows, so that a full disk is an exception; it loses its name at once, so it vanishes with the
 * process. For one thread.
 */
final class PixelStore implements AutoCloseable {
    private final int stride;
    private final int count;
    private final long segmentLimitBytes;
    private final ByteBuffer heap;
    private final @Nullable FileChannel file;

    /**
     * Makes room.
     *
     * @param stride bytes of an image
     * @param count images that will come
     * @param heapLimitBytes largest store that is kept on the heap
     * @param segmentLimitBytes largest piece of a mapped file, at most 2 GiB
     */
    PixelStore(int stride, int count, long heapLimitBytes, long segmentLimitBytes) {
        this.stride = stride;
        this.count = count;
        this.segmentLimitBytes = segmentLimitBytes;
        boolean small = (long) stride * count <= heapLimitBytes;
        this.heap = ByteBuffer.allocate(small ? stride * count : 0);
        this.file = small ? null : createFile();
    }

    private FileChannel createFile() {
        try {
            Path path = Files.createTempFile("abmesh-images-", ".u8");
            try {
                return FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
            } finally {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw noRoom(e);
        }
    }

    /** Adds an image; {@code pixels} are {@code stride} bytes, borrowed. */
    void add(byte[] pixels) {
        if (file == null) {
            heap.put(pixels);
            return;
        }
        try {
            ByteBuffer bytes = ByteBuffer.wrap(pixels);
            while (bytes.hasRemaining()) {
                file.write(bytes);
            }
        } catch (IOException e) {
            throw noRoom(e);
        }
    }

    /** The images, all of which have been added. */
    List<PackedImages.Segment> segments() {
        if (file == null) {
            return List.of(new PackedImages.Segment(heap, 0, stride, count));
        }
        List<PackedImages.Segment> segments = new ArrayList<>();
        int perSegment = (int) Math.max(1, segmentLimitBytes / stride);
        for (int start = 0; start < count; start += perSegment) {
            int images = Math.min(perSegment, count - start);
            try {
                ByteBuffer bytes =
                        file.map(
                                FileChannel.MapMode.READ_ONLY,
                                (long) start * stride,
                                (long) images * stride);
                segments.add(new PackedImages.Segment(bytes, 0, stride, images));
            } catch (IOException e) {
                throw noRoom(e);
            }
        }
        return segments;
    }

    private DatasetException noRoom(IOException cause) {
        return new DatasetException(
                Reason.UNREADABLE,
                "no room for unpacked images in the folder of temporary files: expected="
                        + (long) stride * count
                        + " bytes: "
                        + DatasetFiles.describe(cause),
                cause);
    }

    /** Closes the file; what is mapped stays. */
    @Override
    public void close() {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                throw noRoom(e);
            }
        }
    }
}
