/**
 * Frozen models that answer with what happens inside them. An engine opens a file of a stranger,
 * tells where it can be tapped, and gives each tap's response before its activation for batches of
 * {@code uint8} images.
 *
 * <p>Shapes are {@code [N, C, H, W]}, float32, little-endian, whatever layout the model has inside.
 * Native memory is bounded: a batch runs in chunks of {@link
 * io.abmesh.nn.teacher.TeacherOptions#chunkSize} images, and a session keeps one result.
 */
@NullMarked
package io.abmesh.nn.teacher;

import org.jspecify.annotations.NullMarked;
