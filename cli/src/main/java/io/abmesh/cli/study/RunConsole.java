package io.abmesh.cli.study;

import io.abmesh.cli.progress.Console;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Where one run of a study says what it does: lines go to a file beside the run's folder, the live
 * line to the study's console. Used by one thread; the study's console by several in turn.
 */
final class RunConsole implements Console {
    private final Path file;
    private final String title;
    private final Console study;

    RunConsole(Path file, String title, Console study) {
        this.file = file;
        this.title = title;
        this.study = study;
    }

    @Override
    public void line(String text) {
        try {
            Files.writeString(
                    file, text + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + file, e);
        }
    }

    @Override
    public void live(String text) {
        synchronized (study) {
            // Its curves would push away those of the runs beside it.
            study.live(title + "  " + text.lines().findFirst().orElse(""));
        }
    }

    @Override
    public void settle() {
        // The live line is the study's.
    }

    @Override
    public boolean interactive() {
        return study.interactive();
    }
}
