/**
 * The mathematics of activation-boundary distillation.
 *
 * <p>Shapes are {@code [N, C, H, W]}: samples of a batch, channels, rows, columns; {@code float32}
 * unless said otherwise. Inside {@link io.abmesh.nn.engine} feature maps lie as {@code [N, H, W,
 * C]}, which the convolutions and everything between them are faster on; nothing outside that
 * package sees it.
 */
@NullMarked
package io.abmesh.nn;

import org.jspecify.annotations.NullMarked;
