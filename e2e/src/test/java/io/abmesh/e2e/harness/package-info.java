/** Starts the packaged command, talks to its mesh, and makes the files that scenarios need. */
@NullMarked
package io.abmesh.e2e.harness;

import org.jspecify.annotations.NullMarked;
