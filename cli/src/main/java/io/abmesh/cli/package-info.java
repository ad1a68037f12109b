/** The {@code abmesh} command: its subcommands, its errors and its exit codes. */
@NullMarked
package io.abmesh.cli;

import org.jspecify.annotations.NullMarked;
