package io.abmesh.cli.progress;

import java.io.PrintStream;
import java.util.List;

/** A terminal: live lines are written over with ANSI's erase-line and cursor-up. */
public final class TerminalConsole implements Console {

    private static final String ERASE_LINE = "\r\u001b[2K";
    private static final String UP = "\u001b[1A";

    private final PrintStream out;
    private final int width;

    /** Live lines that are shown. */
    private int rows;

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
        out.println((rows > 0 ? erase() : "") + text);
        out.flush();
        rows = 0;
    }

    @Override
    public void live(String text) {
        int columns = Math.max(1, width - 1);
        List<String> lines =
                text.lines().map(l -> l.length() > columns ? l.substring(0, columns) : l).toList();
        out.print(erase() + String.join("\n", lines));
        out.flush();
        rows = lines.size();
    }

    @Override
    public void settle() {
        if (rows > 0) {
            out.println();
            out.flush();
            rows = 0;
        }
    }

    private String erase() {
        return (ERASE_LINE + UP).repeat(Math.max(0, rows - 1)) + ERASE_LINE;
    }

    @Override
    public boolean interactive() {
        return true;
    }
}
