package io.abmesh.nn.teacher;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * A place in a model that can be tapped: the input of an activation, or the token output of a
 * transformer, which enters its classifier.
 *
 * @param name name of the activation node or of the classifier, unique in the model
 * @param tensor name of the tensor that enters it
 * @param activation kind, for example {@code Relu}; {@value io.abmesh.nn.onnx.OnnxTokenOutput#KIND}
 *     for a token output
 * @param sampleShape {@code [C, H, W]} or {@code [D]}; empty if the model leaves the image size
 *     open and it was described without one
 */
public record TapCandidate(String name, String tensor, String activation, List<Long> sampleShape) {
    public TapCandidate {
        requireNonNull(name, "name");
        requireNonNull(tensor, "tensor");
        requireNonNull(activation, "activation");
        sampleShape = List.copyOf(sampleShape);
    }
}
