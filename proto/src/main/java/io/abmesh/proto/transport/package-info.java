/**
 * Servers and channels with the limits that every abmesh process shares, and writers that never
 * outrun their reader.
 */
@NullMarked
package io.abmesh.proto.transport;

import org.jspecify.annotations.NullMarked;
