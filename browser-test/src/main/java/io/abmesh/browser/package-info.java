/** A real browser for tests. */
@NullMarked
package io.abmesh.browser;

import org.jspecify.annotations.NullMarked;
