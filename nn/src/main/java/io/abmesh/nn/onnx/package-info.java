/**
 * Reads, edits and writes ONNX files, on the message classes that nd4j-api carries ({@code
 * onnx.Onnx}, on its shaded protobuf). Knows the format and where a network's activations are; runs
 * nothing.
 */
@NullMarked
package io.abmesh.nn.onnx;

import org.jspecify.annotations.NullMarked;
