/**
 * Runs networks: forward, backward, inference. On a CPU a pass is oneDNN's primitives in the
 * layouts that the library chooses; for platforms without it and for GPUs there is one of ND4J's
 * operators and of kernels that make one pass over memory, in {@code [N, H, W, C]}. What goes in
 * and out of either, outputs and their gradients, is {@code [N, H, W, C]}.
 */
@NullMarked
package io.abmesh.nn.engine;

import org.jspecify.annotations.NullMarked;
