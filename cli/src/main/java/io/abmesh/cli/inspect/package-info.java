/**
 * {@code abmesh inspect}: what fires at each place of a model that can be tapped. An ordinary
 * client of a teacher-worker.
 */
@NullMarked
package io.abmesh.cli.inspect;

import org.jspecify.annotations.NullMarked;
