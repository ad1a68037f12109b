/** The boundary phase in one process, without a wire: what the mesh is compared with. */
@NullMarked
package io.abmesh.bench.boundary;

import org.jspecify.annotations.NullMarked;
