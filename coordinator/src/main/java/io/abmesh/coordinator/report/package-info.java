/** What a run leaves for people and programs. */
@NullMarked
package io.abmesh.coordinator.report;

import org.jspecify.annotations.NullMarked;
