package io.abmesh.cli.progress;

/** Where lines for people go. Used by one thread at a time. */
public interface Console {

    /** Prints a line that stays. */
    void line(String text);

    /** Shows a line, or several, that the next replace; does nothing where that cannot be done. */
    void live(String text);

    /** Tells whether {@link #live} shows anything. */
    boolean interactive();
}
