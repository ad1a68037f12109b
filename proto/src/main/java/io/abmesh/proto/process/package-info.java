/**
 * What a process of the mesh and the one that starts it agree on: a ready file, and an end that
 * follows the parent's.
 */
@NullMarked
package io.abmesh.proto.process;

import org.jspecify.annotations.NullMarked;
