/** What the product promises, each promise a test over packaged processes. */
@NullMarked
package io.abmesh.e2e.scenario;

import org.jspecify.annotations.NullMarked;
