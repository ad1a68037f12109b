package io.abmesh.nn.oracle;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.zip.CRC32;

/** Inputs that a test and the script of its oracle make alike, so that no file carries them. */
public final class OracleNumbers {
    private OracleNumbers() {}

    /**
     * Returns numbers in {@code [-1, 1)} from a name and their index, as the scripts in {@code
     * src/test/oracle} make them; each is exact in {@code float}.
     */
    public static double[] uniform(String name, int count) {
        CRC32 crc = new CRC32();
        crc.update(name.getBytes(UTF_8));
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            long x = ((crc.getValue() << 32) + i + 1) * 0x9E3779B97F4A7C15L;
            x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
            x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
            x ^= x >>> 31;
            values[i] = (double) (x >>> 40) / (1 << 23) - 1;
        }
        return values;
    }
}
