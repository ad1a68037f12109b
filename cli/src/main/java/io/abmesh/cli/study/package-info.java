/** Several methods, seeds and fractions, run one after the other or side by side. */
@NullMarked
package io.abmesh.cli.study;

import org.jspecify.annotations.NullMarked;
