/** Faults at random, from a seed. */
@NullMarked
package io.abmesh.e2e.chaos;

import org.jspecify.annotations.NullMarked;
