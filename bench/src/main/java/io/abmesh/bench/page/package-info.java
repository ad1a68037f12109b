/** The page over a store of many runs, one of which is long. */
@NullMarked
package io.abmesh.bench.page;

import org.jspecify.annotations.NullMarked;
