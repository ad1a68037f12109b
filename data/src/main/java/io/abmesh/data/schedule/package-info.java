/** Which samples a step sees and how: a pure function of data, seed and step. */
@NullMarked
package io.abmesh.data.schedule;

import org.jspecify.annotations.NullMarked;
