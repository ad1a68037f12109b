/**
 * The resource {@code DistillationRun} as Java types, from which its definition under {@code
 * deploy/} is generated.
 */
@NullMarked
package io.abmesh.coordinator.cluster.resource;

import org.jspecify.annotations.NullMarked;
