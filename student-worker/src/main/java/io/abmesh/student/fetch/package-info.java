/** Tensors of micro-batches, fetched ahead of the step that needs them, in memory with a bound. */
@NullMarked
package io.abmesh.student.fetch;

import org.jspecify.annotations.NullMarked;
