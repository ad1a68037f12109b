package io.abmesh.cli.progress;

import java.io.PrintStream;

/** A terminal: the live line is written over with a carriage return and ANSI's erase-line. */
public final class TerminalConsole implements Console {

    private static final String ERASE_LINE = "\r\u001b[2K";

    private final PrintStream out;
    private final int width;
    private boolean dirty;

    /**
     * Prints to {@code out}, which stays open.
     *
     * @param width columns of the terminal; a longer live line is cut
     */
    public TerminalConsole(PrintStream out, int width) {
        this.out = out;
        this.width = width;
    }

    @Override
    public void line(String text) {
        out.println((dirty ? ERASE_LINE : "") + text);
        out.flush();
        dirty = false;
    }

    @Override
    public void live(String text) {
        int columns = Math.max(1, width - 1);
        out.print(ERASE_LINE + (text.length() > columns ? text.substring(0, columns) : text));
        out.flush();
        dirty = true;
    }

    @Override
    public boolean interactive() {
        return true;
    }
}
