package io.abmesh.nn.teacher;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Map;

/**
 * What a model is and where it can be tapped.
 *
 * @param modelSha256 SHA-256 of the file, lower-case hex
 * @param modelName file name without directories
 * @param engine {@code onnxruntime} or {@code dl4j}
 * @param input name of the input
 * @param inputShape {@code [N, C, H, W]} with -1 where it is free
 * @param taps every place that can be tapped, in the order of evaluation
 * @param autoTaps names of the taps that {@link StageTaps} chooses, first to last
 * @param classCount width of the logits, 0 if the model has none
 * @param rawPixels whether the model takes pixels in 0 to 255 and normalises them itself
 * @param metadata what the file says of itself, by key
 */
public record TeacherDescription(
        String modelSha256,
        String modelName,
        String engine,
        String input,
        List<Long> inputShape,
        List<TapCandidate> taps,
        List<String> autoTaps,
        int classCount,
        boolean rawPixels,
        Map<String, String> metadata) {
    /** Metadata key that says what a model takes. */
    public static final String INPUT_KEY = "abmesh.input";

    /** Value of {@link #INPUT_KEY} for a model that takes pixels in 0 to 255. */
    public static final String RAW_PIXELS = "raw-pixels";

    public TeacherDescription {
        requireNonNull(modelSha256, "modelSha256");
        requireNonNull(modelName, "modelName");
        requireNonNull(engine, "engine");
        requireNonNull(input, "input");
        inputShape = List.copyOf(inputShape);
        taps = List.copyOf(taps);
        autoTaps = List.copyOf(autoTaps);
        metadata = Map.copyOf(metadata);
    }

    /** Returns the same model with what it has at another size of its images. */
    TeacherDescription with(
            List<TapCandidate> otherTaps, List<String> otherAutoTaps, int otherClassCount) {
        return new TeacherDescription(
                modelSha256,
                modelName,
                engine,
                input,
                inputShape,
                otherTaps,
                otherAutoTaps,
                otherClassCount,
                rawPixels,
                metadata);
    }
}
