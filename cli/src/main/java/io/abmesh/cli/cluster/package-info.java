/** Runs on a cluster, through its coordinator. */
@NullMarked
package io.abmesh.cli.cluster;

import org.jspecify.annotations.NullMarked;
