/** Traces of steps over all parts of the mesh. */
@NullMarked
package io.abmesh.proto.trace;

import org.jspecify.annotations.NullMarked;
