/** The student's training step by itself. */
@NullMarked
package io.abmesh.bench.step;

import org.jspecify.annotations.NullMarked;
