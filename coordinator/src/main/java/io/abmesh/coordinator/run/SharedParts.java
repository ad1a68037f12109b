package io.abmesh.coordinator.run;

import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.transport.MeshSecurity;
import java.time.Clock;
import java.util.concurrent.Executor;

/**
 * What all runs share. All of it is borrowed.
 *
 * @param loop owns their state
 * @param store has their folders, and the counter of epochs
 * @param batches serves those that need no teacher
 * @param datasets opens their images
 * @param beside runs what blocks
 * @param clock tells the time
 * @param elapsed measures how long something takes, whatever is done to the time
 * @param security of this process, for teachers
 * @param settings of the coordinator
 */
public record SharedParts(
        Loop loop,
        RunStore store,
        LazyBatches batches,
        Datasets datasets,
        Executor beside,
        Clock clock,
        Clock elapsed,
        MeshSecurity security,
        Runs.Settings settings) {}
