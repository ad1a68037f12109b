/** One run on this machine: its folder, its processes, its events, its result. */
@NullMarked
package io.abmesh.cli.run;

import org.jspecify.annotations.NullMarked;
