/** The teacher's forward pass. */
@NullMarked
package io.abmesh.bench.teacher;

import org.jspecify.annotations.NullMarked;
