/** What the operator knows and wants of the coordinator's own runs. */
@NullMarked
package io.abmesh.coordinator.cluster.mesh;

import org.jspecify.annotations.NullMarked;
