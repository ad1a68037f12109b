package io.abmesh.cli.progress;

/** Where lines for people go. Used by one thread at a time. */
public interface Console {

    /** Prints a line that stays. */
    void line(String text);

    /** Shows a line, or several, that the next replace; does nothing where that cannot be done. */
    void live(String text);

    /** Keeps the live lines, if there are any: what comes next begins on a line of its own. */
    void settle();

    /** Tells whether {@link #live} shows anything. */
    boolean interactive();
}
