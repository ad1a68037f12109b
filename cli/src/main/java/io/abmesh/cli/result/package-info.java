/** The result of a run as its report states it, and as a table for people. */
@NullMarked
package io.abmesh.cli.result;

import org.jspecify.annotations.NullMarked;
