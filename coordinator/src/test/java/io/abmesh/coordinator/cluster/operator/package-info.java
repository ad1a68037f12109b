/** The operator against a real API server. */
package io.abmesh.coordinator.cluster.operator;
