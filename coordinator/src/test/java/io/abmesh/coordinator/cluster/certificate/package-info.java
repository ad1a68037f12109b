/** Tests of the mesh's certificates. */
package io.abmesh.coordinator.cluster.certificate;
