/** How the command ends: exit codes, and errors as lines for people. */
@NullMarked
package io.abmesh.cli.error;

import org.jspecify.annotations.NullMarked;
