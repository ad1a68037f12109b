package io.abmesh.cli.mesh;

import java.util.HashMap;
import java.util.Map;

/** Counts the deaths of each process since the run last moved. Not thread-safe. */
public final class RestartBudget {

    /** A process is restarted this often without a new step. */
    public static final int MAX_RESTARTS = 3;

    private final Map<String, Integer> deaths = new HashMap<>();
    private long lastStep = -1;

    /** Notes that step {@code step} is committed. A step beyond all before forgives every death. */
    public void progressed(long step) {
        if (step > lastStep) {
            lastStep = step;
            deaths.clear();
        }
    }

    /** Notes a death of {@code name} and returns how many of it there were in a row. */
    public int died(String name) {
        return deaths.merge(name, 1, Integer::sum);
    }
}
