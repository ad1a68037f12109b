/** The process: configuration, start, readiness, stop. */
@NullMarked
package io.abmesh.teacher.process;

import org.jspecify.annotations.NullMarked;
