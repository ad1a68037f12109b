package io.abmesh.coordinator.cluster.mesh;

/**
 * The copy of a run's result in an object store.
 *
 * @param location address below which its files are or will be
 * @param there whether all of them are
 * @param failure reason and message of the last attempt, if it failed; empty otherwise
 */
public record ResultCopy(String location, boolean there, String failure) {}
