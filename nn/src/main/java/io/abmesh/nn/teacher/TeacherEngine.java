package io.abmesh.nn.teacher;

import java.util.List;

/**
 * A frozen model, in inference mode: fixed batch-norm statistics, no dropout.
 *
 * <p>Thread-safe. Holds the model in memory until it is closed; closing it closes its sessions.
 */
public interface TeacherEngine extends AutoCloseable {
    /**
     * Returns what the model is and where it can be tapped, as far as it tells by itself; the same
     * object at every call.
     */
    TeacherDescription describe();

    /**
     * Returns the same for images of a size, which a model that leaves it open is run at: with the
     * shape of every tap, and the taps of {@code auto} and the classes that it has there.
     *
     * @param imageShape size of the images to come, {@code [C, H, W]}
     * @throws TeacherException with {@link TeacherException.Reason#TENSOR_SIZE_MISMATCH} if the
     *     model does not take such images
     */
    TeacherDescription describe(List<Long> imageShape);

    /**
     * Finds a tap.
     *
     * @param source name of an activation node, or of the tensor that enters one
     * @throws TeacherException with {@link TeacherException.Reason#TAP_NOT_FOUND}, listing the
     *     names nearest to it
     */
    TapCandidate resolve(String source);

    /**
     * Prepares inference with these taps.
     *
     * @param sources names as {@link #resolve} takes them, each once; may be empty if logits are
     *     wanted
     * @param logits whether the logits are wanted
     * @param imageShape size of the images to come, {@code [C, H, W]}
     * @return a session with native memory of its own, to be closed by the caller
     * @throws TeacherException with {@link TeacherException.Reason#TAP_NOT_FOUND}, {@link
     *     TeacherException.Reason#TENSOR_SIZE_MISMATCH} if the model does not take such images, or
     *     {@link TeacherException.Reason#MODEL_UNSUPPORTED} if logits are wanted of a model without
     *     any
     */
    TeacherSession open(List<String> sources, boolean logits, List<Long> imageShape);

    /** Frees the model. Idempotent; no session may be inferring. */
    @Override
    void close();
}
