/** The student's end of the stream to the coordinator: it joins, keeps alive, and joins again. */
@NullMarked
package io.abmesh.student.session;

import org.jspecify.annotations.NullMarked;
