/** What a student-worker measures. */
@NullMarked
package io.abmesh.student.meter;

import org.jspecify.annotations.NullMarked;
