/**
 * The page at {@code /}: what a browser is told of runs, as JSON resources and one stream of
 * server-sent events. Reads only.
 */
@NullMarked
package io.abmesh.coordinator.page;

import org.jspecify.annotations.NullMarked;
