/**
 * The boundary cache: what the teacher answered to views that were seen before, on disk, bounded in
 * bytes.
 */
@NullMarked
package io.abmesh.teacher.cache;

import org.jspecify.annotations.NullMarked;
