/** The process: configuration, start, readiness, stop. */
@NullMarked
package io.abmesh.student.process;

import org.jspecify.annotations.NullMarked;
