/** Learning rates as pure functions of the place in a phase. */
@NullMarked
package io.abmesh.student.schedule;

import org.jspecify.annotations.NullMarked;
