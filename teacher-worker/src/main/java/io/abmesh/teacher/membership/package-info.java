/**
 * The teacher-worker's seat in the mesh: it makes itself known to the coordinator for as long as it
 * lives.
 */
@NullMarked
package io.abmesh.teacher.membership;

import org.jspecify.annotations.NullMarked;
