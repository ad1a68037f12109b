/**
 * Tensors as sequences of checksummed frames of at most 1 MiB: how they are cut, checked and put
 * together again.
 */
@NullMarked
package io.abmesh.proto.frame;

import org.jspecify.annotations.NullMarked;
