package io.abmesh.proto.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A small file that readers find whole: as it was before, or as it is now. */
public final class PublishedFile {
    private PublishedFile() {}

    /**
     * Writes the text beside the file and gives it the file's name; one that is there is replaced.
     * Not forced to the disk. One writer at a time.
     *
     * @throws IOException if the folder is missing or cannot be written
     */
    public static void write(Path file, String text) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
        Files.writeString(temporary, text);
        Files.move(
                temporary,
                file,
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }
}
