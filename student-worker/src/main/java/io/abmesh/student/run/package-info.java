/**
 * Work on a run: steps, evaluations, checkpoints and the export, strictly in the order assigned.
 */
@NullMarked
package io.abmesh.student.run;

import org.jspecify.annotations.NullMarked;
