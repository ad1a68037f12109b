package io.abmesh.data.source;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * An IDX file of unsigned bytes, the format of MNIST.
 *
 * <pre>
 * byte 0, 1   0
 * byte 2      0x08: unsigned byte
 * byte 3      number of dimensions d
 * 4 * d bytes sizes, big-endian
 * rest        elements, row-major
 * </pre>
 *
 * @param dimensions sizes, first is the count
 * @param bytes the whole file, header included
 * @param offset position of the first element
 */
record IdxFile(List<Integer> dimensions, ByteBuffer bytes, int offset) {
    private static final int UNSIGNED_BYTES = 0x0800;

    IdxFile {
        dimensions = List.copyOf(dimensions);
    }

    /** Opens a file: mapped as it is, or unpacked to the heap if its name ends in {@code .gz}. */
    static IdxFile open(Path file, int rank) {
        if (!file.getFileName().toString().endsWith(".gz")) {
            return parse(DatasetFiles.map(file), file.toString(), rank);
        }
        try (InputStream input = Files.newInputStream(file)) {
            return unpack(input, file.toString(), rank);
        } catch (IOException e) {
            throw DatasetFiles.unreadable(file, e);
        }
    }

    /** Reads a gzipped stream; no more memory is taken than the header announces. */
    static IdxFile unpack(InputStream packed, String name, int rank) throws IOException {
        try (InputStream input = new GZIPInputStream(new BufferedInputStream(packed), 1 << 16)) {
            int headerBytes = 4 + 4 * rank;
            byte[] header = input.readNBytes(headerBytes);
            int expected = size(ByteBuffer.wrap(header), name, rank);
            byte[] rest = input.readNBytes(expected - headerBytes);
            if (rest.length == expected - headerBytes && input.read() >= 0) {
                throw malformed(name, "file is longer than its header says", "more", expected);
            }
            byte[] all = new byte[headerBytes + rest.length];
            System.arraycopy(header, 0, all, 0, headerBytes);
            System.arraycopy(rest, 0, all, headerBytes, rest.length);
            return parse(ByteBuffer.wrap(all), name, rank);
        } catch (EOFException e) {
            throw new DatasetException(
                    Reason.MALFORMED, "gzip file is cut off: " + name + " ends too early", e);
        } catch (ZipException e) {
            throw new DatasetException(
                    Reason.MALFORMED,
                    "gzip file is broken: " + name + ": " + DatasetFiles.describe(e),
                    e);
        }
    }

    private static IdxFile parse(ByteBuffer bytes, String name, int rank) {
        int expected = size(bytes, name, rank);
        if (bytes.capacity() != expected) {
            throw malformed(
                    name,
                    bytes.capacity() < expected
                            ? "file is cut off"
                            : "file is longer than its header says",
                    bytes.capacity() + " bytes",
                    expected);
        }
        List<Integer> dimensions = new ArrayList<>();
        for (int i = 0; i < rank; i++) {
            dimensions.add(bytes.getInt(4 + 4 * i));
        }
        return new IdxFile(dimensions, bytes, 4 + 4 * rank);
    }

    private static int size(ByteBuffer bytes, String name, int rank) {
        if (bytes.capacity() < 4 + 4 * rank) {
            throw malformed(
                    name,
                    "file is cut off",
                    bytes.capacity() + " bytes",
                    4 + 4 * rank + " or more");
        }
        int magic = bytes.getInt(0);
        if (magic != (UNSIGNED_BYTES | rank)) {
            throw malformed(
                    name,
                    "magic number is wrong",
                    String.format("0x%08x", magic),
                    String.format("0x%08x", UNSIGNED_BYTES | rank));
        }
        long size = 1;
        for (int i = 0; i < rank; i++) {
            int dimension = bytes.getInt(4 + 4 * i);
            if (dimension < (i == 0 ? 0 : 1)) {
                throw malformed(name, "size in the header is wrong", dimension, "positive");
            }
            size *= dimension;
            if (size > Integer.MAX_VALUE - 64) {
                throw malformed(name, "size in the header is too large", size, "at most 2 GiB");
            }
        }
        return Math.toIntExact(size + 4 + 4L * rank);
    }

    private static DatasetException malformed(
            String name, String what, Object found, Object expected) {
        return new DatasetException(
                Reason.MALFORMED,
                what + " in " + name + ": found=" + found + ", expected=" + expected);
    }
}
