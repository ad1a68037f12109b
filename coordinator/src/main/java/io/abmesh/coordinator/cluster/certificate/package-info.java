/**
 * Certificates of a mesh on a cluster: who issues them, when they are due, how they lie in Secrets.
 * Nothing here asks the API server.
 */
@NullMarked
package io.abmesh.coordinator.cluster.certificate;

import org.jspecify.annotations.NullMarked;
