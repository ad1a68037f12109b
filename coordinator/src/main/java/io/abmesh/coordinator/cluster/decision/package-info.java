/**
 * What the operator decides, as pure functions of what was observed. Nothing here knows a
 * Kubernetes client or a clock.
 */
@NullMarked
package io.abmesh.coordinator.cluster.decision;

import org.jspecify.annotations.NullMarked;
