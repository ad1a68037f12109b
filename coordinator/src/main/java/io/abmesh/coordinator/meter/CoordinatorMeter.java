package io.abmesh.coordinator.meter;

/**
 * Every meter of a coordinator. Tags are bounded by the states of a run, by the roles of a mesh and
 * by the reasons of errors and notices. Those of a run have the tag {@code run}, its name: of the
 * runs in progress and of {@value CoordinatorMeters#KEPT_RUNS} before them. None names a worker.
 */
public enum CoordinatorMeter {
    /** Gauge, runs, tag {@code state}. */
    RUNS("abmesh.coordinator.runs", "Runs that the store holds, by state"),
    /** Counter, runs, tag {@code state}. */
    RUNS_ENDED(
            "abmesh.coordinator.runs.ended",
            "Runs that ended, by state; one that goes on after a failure ends again"),
    /** Gauge, workers, tag {@code role}. */
    WORKERS("abmesh.coordinator.workers", "Workers that joined, by role"),
    /** Gauge, 0 or 1, tag {@code run}. */
    RUN_TRAINING(
            "abmesh.coordinator.run.training",
            "1 while the run is in progress and has committed a step, else 0"),
    /** Gauge, workers, tags {@code run} and {@code role}. */
    RUN_WORKERS("abmesh.coordinator.run.workers", "Workers that work for the run, by role"),
    /** Counter, steps, tag {@code run}. */
    STEPS_COMMITTED("abmesh.coordinator.steps.committed", "Steps committed"),
    /** Counter, images, tag {@code run}. */
    IMAGES_COMMITTED("abmesh.coordinator.images.committed", "Images of committed steps"),
    /** Gauge, steps, tag {@code run}. */
    STEPS_UNDER_WAY(
            "abmesh.coordinator.steps.under.way", "Steps fed or assigned and not committed"),
    /** Counter, micro-batches, tag {@code run}. */
    MICRO_BATCHES_DISCARDED(
            "abmesh.coordinator.micro.batches.discarded",
            "Micro-batches that students computed in vain, since another student was lost"),
    /** Gauge, micro-batches, tag {@code run}. */
    MICRO_BATCHES_WAITING(
            "abmesh.coordinator.micro.batches.waiting",
            "Micro-batches that wait for a teacher's credit"),
    /** Gauge, bytes, tag {@code run}. */
    CREDIT_SIZE("abmesh.coordinator.credit.size", "Memory that teachers gave to the run"),
    /** Gauge, bytes, tag {@code run}. */
    CREDIT_USED_SIZE("abmesh.coordinator.credit.used.size", "Memory of it that micro-batches hold"),
    /** Counter, messages, tags {@code run} and {@code reason}. */
    MESSAGES_REFUSED(
            "abmesh.coordinator.messages.refused",
            "Messages refused here or by a student of another, by reason"),
    /** Counter, notices, tags {@code run} and {@code reason}. */
    NOTICES("abmesh.coordinator.notices", "Notices to the users of the run, by reason"),
    /** Timer, seconds, tags {@code run} and {@code lost}. */
    RECOVERY_DURATION(
            "abmesh.coordinator.recovery.duration",
            "From a loss to the next committed step, by what was lost");

    private final String meterName;
    private final String meaning;

    CoordinatorMeter(String meterName, String meaning) {
        this.meterName = meterName;
        this.meaning = meaning;
    }

    /** Name, with dots. */
    public String meterName() {
        return meterName;
    }

    /** What it measures, in a line. */
    public String meaning() {
        return meaning;
    }
}
