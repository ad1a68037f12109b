/**
 * Batches that are held for their students, and how they are computed: from the cache where it
 * knows a view, else by the model.
 */
@NullMarked
package io.abmesh.teacher.batch;

import org.jspecify.annotations.NullMarked;
