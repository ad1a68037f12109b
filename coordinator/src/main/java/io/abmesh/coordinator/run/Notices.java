package io.abmesh.coordinator.run;

/** Takes what a person may want to know of a run that goes on all the same. */
interface Notices {
    /**
     * Writes it down.
     *
     * @param reason one of a fixed number
     */
    void notice(String reason, String message);
}
