package io.abmesh.proto.process;

import java.util.Locale;

/**
 * Numbers of files, pages and messages. They have ASCII digits and a decimal point, whatever the
 * user's language: names of folders are made of them, and others read them.
 */
public final class PlainNumbers {
    private PlainNumbers() {}

    /** Has this process write its numbers so; for the begin of a program. */
    public static void everywhere() {
        Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    }
}
