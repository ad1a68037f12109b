/** Teacher-workers and student-workers as the coordinator sees them. */
@NullMarked
package io.abmesh.coordinator.worker;

import org.jspecify.annotations.NullMarked;
