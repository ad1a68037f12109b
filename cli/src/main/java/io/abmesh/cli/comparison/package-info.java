/** Runs of several methods held against each other: statistics, a table, curves, a page. */
@NullMarked
package io.abmesh.cli.comparison;

import org.jspecify.annotations.NullMarked;
