package io.abmesh.data.source;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Reads files and folders, and turns what goes wrong into one line. */
final class DatasetFiles {
    private DatasetFiles() {}

    /** A file's bytes, mapped: read from disk when touched, at most 2 GiB. */
    static ByteBuffer map(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size > Integer.MAX_VALUE) {
                throw malformed(file, "file is too large", size + " bytes", "at most 2 GiB");
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, size);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /** What is in a folder, by name, without hidden entries. */
    static List<Path> list(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(entry -> !entry.getFileName().toString().startsWith("."))
                    .sorted(Comparator.comparing(entry -> entry.getFileName().toString()))
                    .toList();
        } catch (IOException e) {
            throw unreadable(folder, e);
        }
    }

    static DatasetException unreadable(Path file, IOException cause) {
        return new DatasetException(
                Reason.UNREADABLE, "cannot read " + file + ": " + describe(cause), cause);
    }

    static DatasetException malformed(Path file, String what, Object found, Object expected) {
        return new DatasetException(
                Reason.MALFORMED,
                what + " in " + file + ": found=" + found + ", expected=" + expected);
    }

    static String describe(Exception cause) {
        String name = cause.getClass().getSimpleName();
        return cause.getMessage() == null ? name : name + " " + cause.getMessage();
    }
}
