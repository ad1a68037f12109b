package io.abmesh.nn.teacher;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a session is to infer.
 *
 * @param modelName of the model, for people
 * @param sources what the caller calls the taps
 * @param taps likewise, as the model has them
 * @param logits tensor of the logits, if they are wanted
 * @param imageShape size of the images to come, {@code [C, H, W]}
 */
record SessionRequest(
        String modelName,
        List<String> sources,
        List<TapCandidate> taps,
        Optional<String> logits,
        List<Long> imageShape) {
    SessionRequest {
        sources = List.copyOf(sources);
        taps = List.copyOf(taps);
        imageShape = List.copyOf(imageShape);
    }

    /**
     * Checks what {@link TeacherEngine#open} is asked for.
     *
     * @param index taps of the model
     * @param logits tensor of the model's logits, if it has any
     * @throws TeacherException as {@link TeacherEngine#open} does
     */
    static SessionRequest of(
            TeacherDescription description,
            TapIndex index,
            Optional<String> logits,
            List<String> sources,
            boolean wantsLogits,
            List<Long> imageShape) {
        List<TapCandidate> taps = index.resolveAll(sources);
        if (taps.isEmpty() && !wantsLogits) {
            throw new IllegalArgumentException("nothing asked for: found=no taps and no logits");
        }
        if (wantsLogits && logits.isEmpty()) {
            throw withoutLogits(description.modelName());
        }
        ImageShapes.check(description.inputShape(), imageShape);
        return new SessionRequest(
                description.modelName(),
                sources,
                taps,
                logits.filter(tensor -> wantsLogits),
                imageShape);
    }

    /** Returns the tensor of each tap, then that of the logits; two taps may share one. */
    List<String> tensors() {
        return Stream.concat(taps.stream().map(TapCandidate::tensor), logits.stream()).toList();
    }

    /** Returns what to call each of {@link #tensors}. */
    List<String> labels() {
        return Stream.concat(sources.stream(), logits.map(tensor -> "logits").stream()).toList();
    }

    /** Returns the taps with the shapes that they have for these images. */
    List<TapCandidate> taps(Map<String, List<Long>> shapes) {
        return taps.stream()
                .map(
                        tap ->
                                new TapCandidate(
                                        tap.name(),
                                        tap.tensor(),
                                        tap.activation(),
                                        sampleShape(shapes, tap.tensor())))
                .toList();
    }

    /** Returns the shape of one sample of each of {@link #tensors}. */
    List<List<Long>> sampleShapes(Map<String, List<Long>> shapes) {
        if (logits.isPresent() && shapes.getOrDefault(logits.get(), List.of()).size() != 1) {
            throw withoutLogits(modelName);
        }
        return tensors().stream().map(tensor -> sampleShape(shapes, tensor)).toList();
    }

    private static TeacherException withoutLogits(String modelName) {
        return new TeacherException(
                TeacherException.Reason.MODEL_UNSUPPORTED,
                "model has no logits: found=no output [N, classes], expected=one, model="
                        + modelName);
    }

    private static List<Long> sampleShape(Map<String, List<Long>> shapes, String tensor) {
        List<Long> shape = shapes.getOrDefault(tensor, List.of());
        if (shape.size() != 1 && shape.size() != 3) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNSUPPORTED,
                    "tensor cannot be compared: found="
                            + shape
                            + " per sample, expected=[C, H, W] or [D], tensor="
                            + tensor);
        }
        return shape;
    }
}
