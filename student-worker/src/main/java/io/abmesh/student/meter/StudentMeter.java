package io.abmesh.student.meter;

/**
 * Every meter of a student-worker. Tags are bounded by the taps of a network, by {@link StepPart}
 * and by the reasons of errors.
 */
public enum StudentMeter {
    /** Timer, seconds, tag {@code part}. */
    STEP_DURATION("abmesh.student.step.duration", "Where the time of a step went, by part"),
    /** Counter, bytes. */
    FETCHED_SIZE("abmesh.student.fetched.size", "Tensors fetched"),
    /** Counter, attempts, tag {@code reason}. */
    FETCHES_FAILED("abmesh.student.fetches.failed", "Attempts to fetch that failed, by reason"),
    /** Counter, images. */
    IMAGES("abmesh.student.images", "Images that this worker trained on in applied steps"),
    /** Gauge, ratio 0 to 1 or NaN, tag {@code tap}. */
    BOUNDARY_AGREEMENT(
            "abmesh.student.boundary.agreement",
            "Boundary agreement of the last step, by tap; NaN if it had none"),
    /** Timer, seconds. */
    CHECKPOINT_DURATION("abmesh.student.checkpoint.duration", "Writing of one checkpoint");

    private final String meterName;
    private final String meaning;

    StudentMeter(String meterName, String meaning) {
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
