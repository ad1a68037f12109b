/** What a coordinator measures. */
@NullMarked
package io.abmesh.coordinator.meter;

import org.jspecify.annotations.NullMarked;
