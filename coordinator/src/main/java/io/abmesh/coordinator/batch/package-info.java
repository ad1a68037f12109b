/** Batches that the coordinator serves itself, rendered when they are fetched. */
@NullMarked
package io.abmesh.coordinator.batch;

import org.jspecify.annotations.NullMarked;
