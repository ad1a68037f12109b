/** A real API server with its controllers, started by tests, and what stands for the nodes. */
@NullMarked
package io.abmesh.kube;

import org.jspecify.annotations.NullMarked;
