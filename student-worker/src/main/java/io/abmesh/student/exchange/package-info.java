/** What students of one epoch give each other: sums of gradients, totals, state. */
@NullMarked
package io.abmesh.student.exchange;

import org.jspecify.annotations.NullMarked;
