package io.abmesh.coordinator.cluster.decision;

/** Conditions of a run; each is there from the first observation on. */
public enum ConditionType {
    /** The newest spec is one that can be run. */
    SPEC_VALID("SpecValid"),
    /** The run is one of those that may have workers now. */
    ADMITTED("Admitted"),
    /** All workers that are wanted are ready. */
    WORKERS_READY("WorkersReady"),
    /** Steps are being committed. */
    TRAINING("Training"),
    /** The run has ended. */
    COMPLETE("Complete");

    private final String word;

    ConditionType(String word) {
        this.word = word;
    }

    /** Returns its name in the resource. */
    public String word() {
        return word;
    }
}
