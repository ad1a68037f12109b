/** The gRPC services of a teacher-worker and the rules of its streams. */
@NullMarked
package io.abmesh.teacher.stream;

import org.jspecify.annotations.NullMarked;
