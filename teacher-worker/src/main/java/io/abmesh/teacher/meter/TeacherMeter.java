package io.abmesh.teacher.meter;

/** Every meter of a teacher-worker. None has tags, so their number is fixed. */
public enum TeacherMeter {
    /** Counter, images: samples that the boundary cache answered. */
    IMAGES_CACHED("abmesh.teacher.images.cached", "images"),
    /** Counter, images: samples that took a forward pass. */
    IMAGES_COMPUTED("abmesh.teacher.images.computed", "images"),
    /** Counter, batches: batches that could not be computed. */
    BATCHES_FAILED("abmesh.teacher.batches.failed", "batches"),
    /** Timer, seconds: forward passes of one batch. */
    FORWARD_DURATION("abmesh.teacher.forward.duration", "seconds"),
    /** Gauge, bytes: batches on their way, held or being fetched. */
    HELD_SIZE("abmesh.teacher.held.size", "bytes"),
    /** Counter, bytes: tensors handed to the network. */
    SENT_SIZE("abmesh.teacher.sent.size", "bytes"),
    /** Gauge, bytes: files of the boundary cache. */
    CACHE_SIZE("abmesh.teacher.cache.size", "bytes");

    private final String meterName;
    private final String unit;

    TeacherMeter(String meterName, String unit) {
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
