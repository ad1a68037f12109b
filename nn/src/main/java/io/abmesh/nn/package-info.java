/**
 * The mathematics of activation-boundary distillation.
 *
 * <p>Shapes are {@code [N, C, H, W]}: samples of a batch, channels, rows, columns; {@code float32}
 * unless said otherwise. {@link io.abmesh.nn.engine} takes images so and gives outputs as {@code
 * [N, H, W, C]}; inside, feature maps lie as what computes them is fastest on.
 */
@NullMarked
package io.abmesh.nn;

import org.jspecify.annotations.NullMarked;
