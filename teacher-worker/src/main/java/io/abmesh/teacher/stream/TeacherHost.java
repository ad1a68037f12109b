package io.abmesh.teacher.stream;

import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.teacher.batch.HeldBatches;
import io.abmesh.teacher.cache.BoundaryCache;
import io.abmesh.teacher.meter.TeacherMeters;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What the streams of a process share.
 *
 * @param workerId name of the worker
 * @param version of the program, which decides that of its engines
 * @param engine the model
 * @param cache the boundary cache
 * @param held batches by name
 * @param meters meters
 * @param tracing records spans of traced batches
 * @param limits bounds
 * @param compute runs forward passes, in the order in which they come
 * @param timer gives up clients that stall
 * @param drain true once the process is about to stop
 */
public record TeacherHost(
        String workerId,
        String version,
        TeacherEngine engine,
        BoundaryCache cache,
        HeldBatches held,
        TeacherMeters meters,
        StepTracing tracing,
        StreamLimits limits,
        Executor compute,
        ScheduledExecutorService timer,
        AtomicBoolean drain) {
    boolean draining() {
        return drain.get();
    }
}
