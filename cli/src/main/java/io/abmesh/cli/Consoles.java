package io.abmesh.cli;

import io.abmesh.cli.progress.Console;
import io.abmesh.cli.progress.PlainConsole;
import io.abmesh.cli.progress.TerminalConsole;

/** Chooses where lines for people go. */
final class Consoles {

    /**
     * System property with the columns of the terminal that is standard output; absent or 0 if it
     * is none.
     */
    static final String TERMINAL_WIDTH = "abmesh.terminal-width";

    private Consoles() {}

    /** Returns standard output as what it is. */
    static Console standardOutput() {
        int width = Integer.getInteger(TERMINAL_WIDTH, 0);
        return width > 0 ? new TerminalConsole(System.out, width) : new PlainConsole(System.out);
    }
}
