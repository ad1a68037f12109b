/** The coordinator as a process: configuration, start and stop. */
@NullMarked
package io.abmesh.coordinator.process;

import org.jspecify.annotations.NullMarked;
