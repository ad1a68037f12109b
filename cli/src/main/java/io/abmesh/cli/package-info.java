@org.jspecify.annotations.NullMarked
package io.abmesh.cli;
