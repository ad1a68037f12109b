package io.abmesh.student.meter;

/** Every meter of a student-worker. Tags are bounded by the taps of a network. */
public enum StudentMeter {
    /** Timer, seconds: forward, backward and update of one step. */
    STEP_DURATION("abmesh.student.step.duration", "seconds"),
    /** Timer, seconds: time of one step spent waiting for tensors. */
    FETCH_WAIT("abmesh.student.fetch.wait", "seconds"),
    /** Counter, bytes: tensors fetched. */
    FETCHED_SIZE("abmesh.student.fetched.size", "bytes"),
    /** Counter, fetches: attempts that failed. */
    FETCHES_FAILED("abmesh.student.fetches.failed", "fetches"),
    /** Counter, images: training images of applied steps. */
    IMAGES("abmesh.student.images", "images"),
    /** Gauge, ratio 0 to 1, tag {@code tap}: boundary agreement of the last step. */
    BOUNDARY_AGREEMENT("abmesh.student.boundary.agreement", "ratio"),
    /** Timer, seconds: writing one checkpoint. */
    CHECKPOINT_DURATION("abmesh.student.checkpoint.duration", "seconds");

    private final String meterName;
    private final String unit;

    StudentMeter(String meterName, String unit) {
        this.meterName = meterName;
        this.unit = unit;
    }

    /** Name, with dots. */
    public String meterName() {
        return meterName;
    }

    /** Base unit. */
    public String unit() {
        return unit;
    }
}
