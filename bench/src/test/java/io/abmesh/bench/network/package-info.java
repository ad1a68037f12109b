/** The two places that know a student's taps, side by side: here both are at hand. */
@NullMarked
package io.abmesh.bench.network;

import org.jspecify.annotations.NullMarked;
