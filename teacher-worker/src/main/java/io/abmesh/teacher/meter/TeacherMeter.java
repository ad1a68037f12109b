package io.abmesh.teacher.meter;

/** Every meter of a teacher-worker. None has tags, so their number is fixed. */
public enum TeacherMeter {
    /** Counter, images. */
    IMAGES_CACHED("abmesh.teacher.images.cached", "Samples that the boundary cache answered"),
    /** Counter, images. */
    IMAGES_COMPUTED("abmesh.teacher.images.computed", "Samples that took a forward pass"),
    /** Counter, batches. */
    BATCHES_FAILED("abmesh.teacher.batches.failed", "Batches that could not be computed"),
    /** Timer, seconds. */
    FORWARD_DURATION("abmesh.teacher.forward.duration", "Forward passes of one batch"),
    /** Gauge, bytes. */
    CREDIT_SIZE("abmesh.teacher.credit.size", "Memory for batches that may be held at once"),
    /** Gauge, bytes. */
    HELD_SIZE("abmesh.teacher.held.size", "Batches on their way, held or being fetched"),
    /** Counter, frames. */
    FRAMES_SENT("abmesh.teacher.frames.sent", "Frames handed to the network"),
    /** Counter, bytes. */
    SENT_SIZE("abmesh.teacher.sent.size", "Tensors handed to the network"),
    /** Gauge, bytes. */
    CACHE_SIZE("abmesh.teacher.cache.size", "Files of the boundary cache");

    private final String meterName;
    private final String meaning;

    TeacherMeter(String meterName, String meaning) {
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
