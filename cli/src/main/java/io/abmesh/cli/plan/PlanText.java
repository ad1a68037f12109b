package io.abmesh.cli.plan;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A plan, or a study of plans, as its user wrote it. What it means is the coordinator's to say.
 *
 * @param file where it was read, as the user named it; for messages
 * @param baseDirectory folder that relative paths of the plan are relative to, absolute
 * @param yaml the text
 * @param overrides {@code KEY=VALUE} of {@code --set} and {@code --seed}, in order
 */
public record PlanText(Path file, Path baseDirectory, String yaml, List<String> overrides) {

    /** Plans are at most this long, in bytes. */
    public static final int MAX_BYTES = 256 * 1024;

    public PlanText {
        requireNonNull(file, "file");
        requireNonNull(baseDirectory, "baseDirectory");
        requireNonNull(yaml, "yaml");
        overrides = List.copyOf(overrides);
        for (String override : overrides) {
            if (override.indexOf('=') < 1) {
                throw new CliException(
                        ExitCode.BAD_INPUT,
                        "--set takes KEY=VALUE, for example phases[0].epochs=2: found=" + override);
            }
        }
    }

    /**
     * Reads the plan in {@code file}, whose relative paths are relative to its folder.
     *
     * @throws CliException if there is no such file, or it is too long or no text, or an override
     *     is not {@code KEY=VALUE}
     */
    public static PlanText read(Path file, List<String> overrides) {
        return read("plan", file, folderOf(file), overrides);
    }

    /**
     * Reads the plan in {@code file}, whose relative paths are relative to {@code baseDirectory}.
     */
    public static PlanText read(Path file, Path baseDirectory, List<String> overrides) {
        return read("plan", file, baseDirectory, overrides);
    }

    /** Reads a study as {@link #read(Path, List)} reads a plan. */
    public static PlanText readStudy(Path file, List<String> overrides) {
        return read("study", file, folderOf(file), overrides);
    }

    private static Path folderOf(Path file) {
        return requireNonNull(file.toAbsolutePath().normalize().getParent(), "folder of the file");
    }

    private static PlanText read(
            String what, Path file, Path baseDirectory, List<String> overrides) {
        if (Files.isDirectory(file)) {
            throw refused("not a %s file but a folder: %s".formatted(what, file), null);
        }
        if (!Files.isRegularFile(file)) {
            throw refused("no such %s file: %s".formatted(what, file), null);
        }
        try {
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw refused(
                        "%s file too long: %s: found=%d bytes, expected at most %d"
                                .formatted(what, file, size, MAX_BYTES),
                        null);
            }
            return new PlanText(file, baseDirectory, Files.readString(file), overrides);
        } catch (CharacterCodingException e) {
            throw refused("%s file is not UTF-8 text: %s".formatted(what, file), e);
        } catch (IOException e) {
            throw refused(
                    "%s file cannot be read: %s: %s".formatted(what, file, e.getMessage()), e);
        }
    }

    private static CliException refused(String message, @Nullable Throwable cause) {
        return new CliException(ExitCode.BAD_INPUT, message, cause);
    }

    /**
     * Returns the file's name without its suffix, by which results are called unless the user says
     * otherwise.
     */
    public String stem() {
        return String.valueOf(file.getFileName()).replaceFirst("\\.ya?ml$", "");
    }
}
