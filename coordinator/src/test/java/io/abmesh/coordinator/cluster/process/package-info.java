/** Tests of the coordinator's settings on a cluster. */
package io.abmesh.coordinator.cluster.process;
