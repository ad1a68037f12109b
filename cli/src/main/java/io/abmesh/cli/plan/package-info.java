/**
 * A plan as text, what {@code --set} says of it, and the problems that the coordinator finds in it.
 */
@NullMarked
package io.abmesh.cli.plan;

import org.jspecify.annotations.NullMarked;
