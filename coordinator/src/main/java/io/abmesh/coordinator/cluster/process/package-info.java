/** The coordinator's part that is on a cluster: configuration, start and stop, its gRPC service. */
@NullMarked
package io.abmesh.coordinator.cluster.process;

import org.jspecify.annotations.NullMarked;
