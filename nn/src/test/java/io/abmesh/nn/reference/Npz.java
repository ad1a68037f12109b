package io.abmesh.nn.reference;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Reads NumPy's {@code .npz}: a zip of {@code .npy} files, C order, little-endian. */
final class Npz {
    /** One array: shape, and values as floats; bytes for {@code uint8}. */
    record Array(List<Integer> shape, String type, ByteBuffer bytes) {
        float[] floats() {
            float[] values = new float[elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] =
                        switch (type) {
                            case "<f4" -> bytes.getFloat(4 * i);
                            case "<i4" -> bytes.getInt(4 * i);
                            case "|u1" -> bytes.get(i) & 0xff;
                            default -> throw new IllegalArgumentException("npy type " + type);
                        };
            }
            return values;
        }

        int elements() {
            return shape.stream().reduce(1, Math::multiplyExact);
        }
    }

    private static final Pattern HEADER =
            Pattern.compile("'descr': '([^']+)', 'fortran_order': False, 'shape': \\(([^)]*)\\)");

    private Npz() {}

    static Map<String, Array> read(Path file) {
        Map<String, Array> arrays = new LinkedHashMap<>();
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(file))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                arrays.put(entry.getName().replace(".npy", ""), npy(zip.readAllBytes()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return arrays;
    }

    private static Array npy(byte[] file) {
        ByteBuffer buffer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        boolean old = file[6] == 1;
        int start = old ? 10 : 12;
        int length = old ? buffer.getShort(8) & 0xffff : buffer.getInt(8);
        Matcher header = HEADER.matcher(new String(file, start, length, ISO_8859_1));
        if (!header.find()) {
            throw new IllegalArgumentException("not a C-ordered npy");
        }
        List<Integer> shape =
                Arrays.stream(header.group(2).split(","))
                        .map(String::strip)
                        .filter(s -> !s.isEmpty())
                        .map(Integer::parseInt)
                        .toList();
        ByteBuffer data =
                buffer.slice(start + length, file.length - start - length)
                        .order(ByteOrder.LITTLE_ENDIAN);
        return new Array(shape, header.group(1), data);
    }
}
