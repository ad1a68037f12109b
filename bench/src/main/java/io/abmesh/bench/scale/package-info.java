/** What it costs to be many: students that exchange, workers that a coordinator directs. */
@NullMarked
package io.abmesh.bench.scale;

import org.jspecify.annotations.NullMarked;
