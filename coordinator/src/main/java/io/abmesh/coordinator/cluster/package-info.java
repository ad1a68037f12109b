/** The coordinator on Kubernetes: it is the operator of {@code DistillationRun} resources. */
@NullMarked
package io.abmesh.coordinator.cluster;

import org.jspecify.annotations.NullMarked;
