package io.abmesh.cli.progress;

import java.util.ArrayList;
import java.util.List;

/** Keeps what it is given. */
final class TestingConsole implements Console {

    private final boolean interactive;
    final List<String> lines = new ArrayList<>();
    final List<String> live = new ArrayList<>();

    TestingConsole(boolean interactive) {
        this.interactive = interactive;
    }

    @Override
    public void line(String text) {
        lines.add(text);
    }

    @Override
    public void live(String text) {
        live.add(text);
    }

    @Override
    public void settle() {
        // Nothing is shown.
    }

    @Override
    public boolean interactive() {
        return interactive;
    }
}
