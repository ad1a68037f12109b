package io.abmesh.cli.plan;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A plan as its user wrote it. What it means is the coordinator's to say.
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
        Path folder =
                requireNonNull(file.toAbsolutePath().normalize().getParent(), "folder of the plan");
        return read(file, folder, overrides);
    }

    /**
     * Reads the plan in {@code file}, whose relative paths are relative to {@code baseDirectory}.
     */
    public static PlanText read(Path file, Path baseDirectory, List<String> overrides) {
        if (Files.isDirectory(file)) {
            throw new CliException(ExitCode.BAD_INPUT, "not a plan file but a folder: " + file);
        }
        if (!Files.isRegularFile(file)) {
            throw new CliException(ExitCode.BAD_INPUT, "no such plan file: " + file);
        }
        try {
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw new CliException(
                        ExitCode.BAD_INPUT,
                        "plan file too long: %s: found=%d bytes, expected at most %d"
                                .formatted(file, size, MAX_BYTES));
            }
            return new PlanText(file, baseDirectory, Files.readString(file), overrides);
        } catch (CharacterCodingException e) {
            throw new CliException(ExitCode.BAD_INPUT, "plan file is not UTF-8 text: " + file, e);
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "plan file cannot be read: %s: %s".formatted(file, e.getMessage()),
                    e);
        }
    }

    /**
     * Returns the file's name without its suffix, by which results are called unless the user says
     * otherwise.
     */
    public String stem() {
        return String.valueOf(file.getFileName()).replaceFirst("\\.ya?ml$", "");
    }
}
