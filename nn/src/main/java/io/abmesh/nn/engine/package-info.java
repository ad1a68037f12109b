/**
 * Runs networks: forward, backward, inference. Feature maps lie as {@code [N, H, W, C]} here and
 * nowhere else; convolutions are ND4J operators (oneDNN on a CPU), everything between them is
 * kernels that make one pass over memory.
 */
@NullMarked
package io.abmesh.nn.engine;

import org.jspecify.annotations.NullMarked;
