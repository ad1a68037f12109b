package io.abmesh.cli.mesh;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Reads the end of a process's log, where a process that cannot go on says why.
 *
 * @param file the log
 */
record ProcessLog(Path file) {

    private static final String FATAL = "abmesh: ";
    private static final int SHOWN_LINES = 15;
    private static final int TAIL_BYTES = 64 * 1024;

    /** Returns the message of the last line {@code abmesh: MESSAGE} behind byte {@code from}. */
    Optional<String> lastFatal(long from) {
        return tail(from).stream()
                .filter(line -> line.startsWith(FATAL))
                .map(line -> line.substring(FATAL.length()))
                .reduce((first, second) -> second);
    }

    /** Returns as many of the last lines as an error shows. */
    List<String> lastLines() {
        return lastLines(SHOWN_LINES);
    }

    /** Returns the last {@code count} lines, fewer if the log is shorter. */
    List<String> lastLines(int count) {
        List<String> lines = tail(0);
        return lines.subList(Math.max(0, lines.size() - count), lines.size());
    }

    private List<String> tail(long from) {
        try (RandomAccessFile log = new RandomAccessFile(file.toFile(), "r")) {
            long start = Math.max(from, log.length() - TAIL_BYTES);
            byte[] bytes = new byte[(int) Math.max(0, log.length() - start)];
            log.seek(start);
            log.readFully(bytes);
            return new String(bytes, StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            return List.of("(log cannot be read: " + e.getMessage() + ")");
        }
    }
}
