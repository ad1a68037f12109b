package io.abmesh.coordinator.meter;

import java.util.Locale;

/** Who can be lost. */
public enum WorkerRole {
    /** This process itself, before its last start. */
    COORDINATOR,
    /** A teacher-worker. */
    TEACHER,
    /** A student-worker. */
    STUDENT;

    /** Its tag. */
    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
