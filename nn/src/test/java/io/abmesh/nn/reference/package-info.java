/** The reference run: the authors' modules in PyTorch, kept as arrays. */
@org.jspecify.annotations.NullMarked
package io.abmesh.nn.reference;
