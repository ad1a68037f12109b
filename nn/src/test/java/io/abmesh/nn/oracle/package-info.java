/** What tests against numbers from PyTorch share. */
@NullMarked
package io.abmesh.nn.oracle;

import org.jspecify.annotations.NullMarked;
