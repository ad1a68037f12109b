/** What a teacher-worker measures. */
@NullMarked
package io.abmesh.teacher.meter;

import org.jspecify.annotations.NullMarked;
