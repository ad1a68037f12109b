package io.abmesh.bench.teacher;

import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.nn.teacher.TeacherEngines;
import io.abmesh.nn.teacher.TeacherOptions;
import io.abmesh.nn.teacher.TeacherSession;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Computes the logits of one batch of random 32 x 32 images, again and again. */
public final class TeacherPass {
    private static final int WARM_UP = 5;
    private static final int PASSES = 15;
    private static final long SIDE = 32;

    private TeacherPass() {}

    /** Prints images a second of the median pass; {@code java TeacherPass MODEL BATCH}. */
    public static void main(String[] arguments) {
        int batch = Integer.parseInt(arguments[1]);
        byte[] pixels = new byte[Math.toIntExact(batch * 3L * SIDE * SIDE)];
        new Random(1).nextBytes(pixels);
        PixelNormalization normalization =
                new PixelNormalization(List.of(125f, 123f, 114f), List.of(63f, 62f, 67f));
        long[] nanos = new long[PASSES];
        try (TeacherEngine teacher =
                        TeacherEngines.open(
                                Path.of(arguments[0]),
                                TeacherOptions.defaults()
                                        .withIntraOpThreads(
                                                Runtime.getRuntime().availableProcessors()));
                TeacherSession session = teacher.open(List.of(), true, List.of(3L, SIDE, SIDE))) {
            for (int i = -WARM_UP; i < PASSES; i++) {
                long start = System.nanoTime();
                session.infer(ByteBuffer.wrap(pixels), batch, normalization);
                if (i >= 0) {
                    nanos[i] = System.nanoTime() - start;
                }
            }
        }
        Arrays.sort(nanos);
        System.out.printf(Locale.ROOT, "%.1f%n", batch * 1e9 / nanos[PASSES / 2]);
    }
}
