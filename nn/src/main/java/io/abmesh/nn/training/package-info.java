/** Trains a student through connectors: phases, micro-batches, updates, state. */
@NullMarked
package io.abmesh.nn.training;

import org.jspecify.annotations.NullMarked;
