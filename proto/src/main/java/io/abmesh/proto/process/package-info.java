/**
 * What a process of the mesh and the one that starts it agree on: a ready file, an end that follows
 * the parent's, and how a process ends that cannot run.
 */
@NullMarked
package io.abmesh.proto.process;

import org.jspecify.annotations.NullMarked;
