/** What the losses cost. */
@NullMarked
package io.abmesh.bench.loss;

import org.jspecify.annotations.NullMarked;
