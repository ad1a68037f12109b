/** Labelled images in memory and what is known of them. */
@NullMarked
package io.abmesh.data.image;

import org.jspecify.annotations.NullMarked;
