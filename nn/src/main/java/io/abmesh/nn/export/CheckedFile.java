package io.abmesh.nn.export;

import io.abmesh.nn.teacher.TeacherException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Writes a file under a temporary name beside its own, compares what it computes, and publishes it
 * by rename. Whatever fails, neither name is left, nor is a former file of that name.
 */
final class CheckedFile {
    /** Writes a file. */
    @FunctionalInterface
    interface Writer {
        void write(Path temporary) throws IOException;
    }

    private CheckedFile() {}

    /**
     * @param file final name
     * @param writer writes the whole file
     * @param exported runs a written file
     * @param trained what it is compared with
     * @param images raw pixels to compare on, borrowed
     */
    static ExportCheck publish(
            Path file,
            Writer writer,
            LogitsOfFile exported,
            TrainedLogits trained,
            ByteBuffer images,
            int count) {
        Path target = file.toAbsolutePath();
        Path temporary = target.resolveSibling(target.getFileName() + ".tmp");
        try {
            Files.createDirectories(target.getParent());
            Files.deleteIfExists(target);
            try {
                writer.write(temporary);
                Comparison comparison =
                        Comparison.of(
                                exported.logits(temporary, images.duplicate(), count),
                                trained.logits(images.duplicate(), count));
                comparison.requireClose(String.valueOf(target.getFileName()));
                force(temporary);
                ExportCheck check =
                        new ExportCheck(
                                sha256(temporary),
                                Files.size(temporary),
                                count,
                                comparison.maxDifference(),
                                comparison.scale());
                Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
                return check;
            } finally {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw new ExportException(
                    ExportException.Reason.UNWRITABLE,
                    "export cannot be written: path=" + target + ", found=" + e,
                    e);
        } catch (TeacherException e) {
            throw new ExportException(
                    ExportException.Reason.EXPORT_MISMATCH,
                    "exported student gives no logits to compare: file="
                            + target.getFileName()
                            + ", found="
                            + e.getMessage(),
                    e);
        } catch (UncheckedIOException e) {
            throw new ExportException(
                    ExportException.Reason.UNWRITABLE,
                    "export cannot be written: path=" + target + ", found=" + e.getCause(),
                    e);
        }
    }

    /** Runs an exported file. */
    @FunctionalInterface
    interface LogitsOfFile {
        float[] logits(Path file, ByteBuffer images, int count) throws IOException;
    }

    private record Comparison(double maxDifference, double scale) {
        static Comparison of(float[] exported, float[] trained) {
            if (exported.length != trained.length) {
                throw new ExportException(
                        ExportException.Reason.EXPORT_MISMATCH,
                        "export has another number of logits: found="
                                + exported.length
                                + ", expected="
                                + trained.length);
            }
            double difference = 0;
            double scale = 1;
            for (int i = 0; i < exported.length; i++) {
                double one = Math.abs((double) exported[i] - trained[i]);
                difference =
                        Double.isNaN(one) ? Double.POSITIVE_INFINITY : Math.max(difference, one);
                scale = Math.max(scale, Math.abs((double) trained[i]));
            }
            return new Comparison(difference, scale);
        }

        void requireClose(String name) {
            double limit = ExportCheck.MAX_RELATIVE_DIFFERENCE * scale;
            if (!(maxDifference <= limit)) {
                throw new ExportException(
                        ExportException.Reason.EXPORT_MISMATCH,
                        "export computes other logits than the trained network: file="
                                + name
                                + ", found=difference "
                                + maxDifference
                                + ", expected=at most "
                                + limit);
            }
        }
    }

    private static void force(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    private static String sha256(Path file) throws IOException {
        try {
            return HexFormat.of()
                    .formatHex(
                            MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
