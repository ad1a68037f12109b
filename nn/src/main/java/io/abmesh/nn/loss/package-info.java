/** Losses and their gradients, sample by sample, and the measures that are only reported. */
@NullMarked
package io.abmesh.nn.loss;

import org.jspecify.annotations.NullMarked;
