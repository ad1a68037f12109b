/**
 * Plans: from what a user wrote to a complete, checked message, and from there to tracks and steps.
 */
@NullMarked
package io.abmesh.coordinator.plan;

import org.jspecify.annotations.NullMarked;
