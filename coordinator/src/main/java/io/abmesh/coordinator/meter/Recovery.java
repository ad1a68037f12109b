package io.abmesh.coordinator.meter;

import io.abmesh.proto.identity.MeshRole;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;

/**
 * How long a run takes to commit a step again once something was lost. What is lost twice before
 * that is counted from the first time. Not thread-safe.
 */
public final class Recovery {
    private final RunMeters meters;
    private final Clock clock;
    private final Map<MeshRole, Instant> since = new EnumMap<>(MeshRole.class);

    /** Makes one of a run. */
    public Recovery(RunMeters meters, Clock clock) {
        this.meters = meters;
        this.clock = clock;
    }

    /** Something is lost now. */
    public void lost(MeshRole what) {
        lost(what, clock.instant());
    }

    /** Something was lost. */
    public void lost(MeshRole what, Instant when) {
        since.putIfAbsent(what, when);
    }

    /** A step was committed. */
    public void committed() {
        if (since.isEmpty()) {
            return;
        }
        Instant now = clock.instant();
        since.forEach((what, when) -> meters.recovered(what, Duration.between(when, now)));
        since.clear();
    }
}
