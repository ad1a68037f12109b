package io.abmesh.cli.progress;

import java.io.PrintStream;

/** A file or a pipe: lines only. */
public final class PlainConsole implements Console {

    private final PrintStream out;

    /** Prints to {@code out}, which stays open. */
    public PlainConsole(PrintStream out) {
        this.out = out;
    }

    @Override
    public void line(String text) {
        out.println(text);
        out.flush();
    }

    @Override
    public void live(String text) {
        // A line that cannot be replaced would be one of thousands.
    }

    @Override
    public void settle() {
        // Every line stays.
    }

    @Override
    public boolean interactive() {
        return false;
    }
}
