/** Readers of data sets: IDX, CIFAR binary, folders of pictures. */
@NullMarked
package io.abmesh.data.source;

import org.jspecify.annotations.NullMarked;
