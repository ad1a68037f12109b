/**
 * The operator: observes runs and their workers, validates, records in the status, acts through the
 * Kubernetes client.
 */
@NullMarked
package io.abmesh.coordinator.cluster.operator;

import org.jspecify.annotations.NullMarked;
