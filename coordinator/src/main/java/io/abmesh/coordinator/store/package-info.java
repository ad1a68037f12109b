/** Runs on disk: one folder each, with a journal of what happened. */
@NullMarked
package io.abmesh.coordinator.store;

import org.jspecify.annotations.NullMarked;
