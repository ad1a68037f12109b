package io.abmesh.nn.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder of checkpoints of one run, {@code step-000000123.safetensors}, of which the newest few
 * are kept.
 *
 * <p>A checkpoint is written under a temporary name, forced to the disk and published by an atomic
 * rename, so that a reader finds each file whole or not at all, whenever the writer dies. A file
 * that is found damaged is renamed to {@code *.corrupt}, never deleted; what a killed writer left
 * under a temporary name is.
 *
 * <p>Not thread-safe; one process writes.
 */
public final class CheckpointDirectory {
    private static final String PART = ".part";
    private static final Pattern NAME = Pattern.compile("step-(\\d{9,})\\.safetensors");

    private final Path directory;
    private final int keep;
    private final List<Path> quarantined = new ArrayList<>();

    /**
     * Creates the folder if it is missing, and removes what a killed writer left half written.
     *
     * @param keep newest checkpoints that stay, at least 1
     * @throws CheckpointException with {@code UNWRITABLE} if the folder cannot be made
     */
    public CheckpointDirectory(Path directory, int keep) {
        if (keep < 1) {
            throw new IllegalArgumentException("checkpoints to keep: found=" + keep + ", min=1");
        }
        this.directory = directory;
        this.keep = keep;
        try {
            Files.createDirectories(directory);
            try (DirectoryStream<Path> parts = Files.newDirectoryStream(directory, "*" + PART)) {
                for (Path part : parts) {
                    Files.delete(part);
                }
            }
        } catch (IOException e) {
            throw failure("make the checkpoint folder", directory, e);
        }
    }

    /**
     * Publishes the state after {@code step} and removes what is older than the kept ones.
     *
     * @return the published file
     * @throws CheckpointException with {@code STORE_FULL} or {@code UNWRITABLE}; the checkpoints
     *     before stay
     */
    public Path publish(long step, Checkpoint checkpoint) {
        Path target = directory.resolve(String.format(Locale.ROOT, "step-%09d.safetensors", step));
        Path temporary = target.resolveSibling(target.getFileName() + PART);
        try {
            try {
                Safetensors.write(temporary, checkpoint);
                Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(temporary);
            }
            forceDirectory();
            List<Path> published = newestFirst();
            for (Path old : published.subList(Math.min(keep, published.size()), published.size())) {
                Files.deleteIfExists(old);
            }
            return target;
        } catch (IOException e) {
            throw failure("write the checkpoint", target, e);
        }
    }

    /**
     * Returns the newest undamaged checkpoint of a plan; those of other plans are passed over.
     *
     * @throws CheckpointException with {@code UNREADABLE} if a file refuses to be read
     */
    public Optional<Checkpoint> newest(String planSha256) {
        Path current = directory;
        try {
            for (Path file : newestFirst()) {
                current = file;
                Optional<Checkpoint> found = readOrQuarantine(file);
                if (found.isPresent()
                        && planSha256.equals(found.get().metadata().get(Checkpoint.PLAN_SHA256))) {
                    return found;
                }
            }
            return Optional.empty();
        } catch (IOException e) {
            throw new CheckpointException(
                    CheckpointException.Reason.UNREADABLE,
                    "cannot read the checkpoint: file=" + current + ", cause=" + e,
                    e);
        }
    }

    /** Returns the damaged files found so far, under their new names. */
    public List<Path> quarantined() {
        return Collections.unmodifiableList(quarantined);
    }

    private Optional<Checkpoint> readOrQuarantine(Path file) throws IOException {
        try {
            return Optional.of(Safetensors.read(file));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (CheckpointException e) {
            Path aside = file.resolveSibling(file.getFileName() + ".corrupt");
            Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
            quarantined.add(aside);
            return Optional.empty();
        }
    }

    private List<Path> newestFirst() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> stepOf(file) >= 0)
                    .sorted(Comparator.comparingLong(CheckpointDirectory::stepOf).reversed())
                    .toList();
        }
    }

    private static long stepOf(Path file) {
        Matcher matcher = NAME.matcher(file.getFileName().toString());
        return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
    }

    /**
     * Makes the rename itself durable; some file systems refuse to open a folder, which loses
     * nothing but that.
     */
    private void forceDirectory() throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (AccessDeniedException e) {
            return;
        }
    }

    private static CheckpointException failure(String what, Path file, IOException cause) {
        String message = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
        boolean full = message.contains("no space left") || message.contains("quota exceeded");
        return new CheckpointException(
                full
                        ? CheckpointException.Reason.STORE_FULL
                        : CheckpointException.Reason.UNWRITABLE,
                "cannot "
                        + what
                        + ": file="
                        + file
                        + ", cause="
                        + cause.getMessage()
                        + (full ? "; free some space and resume" : ""),
                cause);
    }
}
