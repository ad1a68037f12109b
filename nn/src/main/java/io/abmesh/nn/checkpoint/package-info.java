/**
 * What is kept of a training in progress: safetensors files with provenance, published by rename.
 */
@NullMarked
package io.abmesh.nn.checkpoint;

import org.jspecify.annotations.NullMarked;
