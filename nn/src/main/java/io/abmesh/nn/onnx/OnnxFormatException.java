package io.abmesh.nn.onnx;

import org.jspecify.annotations.Nullable;

/** Bytes that are no ONNX model, or one that lacks what every model must have. */
public final class OnnxFormatException extends Exception {
    public OnnxFormatException(String message) {
        this(message, null);
    }

    public OnnxFormatException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
