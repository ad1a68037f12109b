/** Container images of the three programs. */
@NullMarked
package io.abmesh.images;

import org.jspecify.annotations.NullMarked;
