/** The Kubernetes objects that a run wants, as a pure function of the run. */
@NullMarked
package io.abmesh.coordinator.cluster.desired;

import org.jspecify.annotations.NullMarked;
