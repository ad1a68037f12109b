/** Bounds of what the page sends and draws. */
@NullMarked
package io.abmesh.bench.page;

import org.jspecify.annotations.NullMarked;
