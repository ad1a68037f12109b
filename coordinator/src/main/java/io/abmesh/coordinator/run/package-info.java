/** Drives runs: what is computed next, by whom, and what came of it. */
@NullMarked
package io.abmesh.coordinator.run;

import org.jspecify.annotations.NullMarked;
