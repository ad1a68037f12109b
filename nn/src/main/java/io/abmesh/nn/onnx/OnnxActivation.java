package io.abmesh.nn.onnx;

import static java.util.Objects.requireNonNull;

/**
 * A place where a network applies an activation, or the {@linkplain OnnxTokenOutput token output}
 * of a transformer.
 *
 * @param name name of the activation node, or of the tensor it makes where the node has no name of
 *     its own; unique in the model
 * @param tensor tensor that enters the activation: the response before it
 * @param kind kind of the activation, for example {@code Relu}
 * @param residual whether {@code tensor} is a residual sum, or the batch norm of one
 */
public record OnnxActivation(String name, String tensor, String kind, boolean residual) {
    public OnnxActivation {
        requireNonNull(name, "name");
        requireNonNull(tensor, "tensor");
        requireNonNull(kind, "kind");
    }
}
