package io.abmesh.coordinator.cluster.decision;

/** Reasons of conditions and events: words that tools may branch on. */
public enum Reason {
    /** The spec can be run. */
    SPEC_ACCEPTED("SpecAccepted", false),
    /** The spec cannot be run; the message has every problem. */
    SPEC_REJECTED("SpecRejected", true),
    /** The run has its turn. */
    ADMITTED("Admitted", false),
    /** As many runs as may have workers at a time have them; the message names them. */
    QUEUED("Queued", false),
    /** Workers of a run before are still leaving. */
    WAITS_FOR_WORKERS_TO_LEAVE("WaitsForWorkersToLeave", false),
    /** The spec says that the run stands still. */
    SUSPENDED("Suspended", false),
    /** The run goes on. */
    RESUMED("Resumed", false),
    /** Not all workers are ready. */
    WORKERS_STARTING("WorkersStarting", false),
    /** All workers are ready. */
    WORKERS_READY("WorkersReady", false),
    /** No workers are wanted. */
    NO_WORKERS_WANTED("NoWorkersWanted", false),
    /** The API server or the coordinator's store does not take what the run needs. */
    REFUSED("Refused", true),
    /** No step was committed yet. */
    NOT_STARTED("NotStarted", false),
    /** Steps are being committed. */
    TRAINING("Training", false),
    /** The result is there. */
    SUCCEEDED("Succeeded", false),
    /** A named error ended the run. */
    FAILED("Failed", true),
    /** Someone ended the run. */
    CANCELLED("Cancelled", false),
    /** The run goes on. */
    UNFINISHED("Unfinished", false),
    /** Teachers were added or given up. */
    TEACHERS_SCALED("TeachersScaled", false),
    /** Students were added or taken away. */
    STUDENTS_SCALED("StudentsScaled", false),
    /** The resource is deleted, its result stays. */
    RESULT_KEPT("ResultKept", false);

    private final String word;
    private final boolean warning;

    Reason(String word, boolean warning) {
        this.word = word;
        this.warning = warning;
    }

    /** Returns its name in the resource. */
    public String word() {
        return word;
    }

    /** Returns whether a person must do something. */
    public boolean warning() {
        return warning;
    }
}
