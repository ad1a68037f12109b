/** Networks as immutable descriptions: nodes, shapes, parameters, taps. */
@NullMarked
package io.abmesh.nn.network;

import org.jspecify.annotations.NullMarked;
