@org.jspecify.annotations.NullMarked
package io.abmesh.nn.training;
