/** What it costs to bring the tensors of a batch from a teacher to a student. */
@NullMarked
package io.abmesh.bench.transfer;

import org.jspecify.annotations.NullMarked;
