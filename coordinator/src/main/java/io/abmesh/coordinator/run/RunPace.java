package io.abmesh.coordinator.run;

import io.abmesh.proto.v1.BatchReady;
import java.time.Clock;
import java.util.HashMap;
import java.util.Map;

/**
 * What the workers of a run have done and how fast they are now, through all membership epochs of
 * this process. On the coordinator's loop.
 */
final class RunPace {
    private final Clock clock;
    private final Throughput trained;

    /** By the name of the teacher. */
    private final Map<String, Throughput> answered = new HashMap<>();

    RunPace(Clock clock) {
        this.clock = clock;
        this.trained = new Throughput(clock);
    }

    /** A teacher answered a micro-batch. */
    void answered(String workerId, BatchReady ready) {
        answered.computeIfAbsent(workerId, name -> new Throughput(clock))
                .add(ready.getCachedCount(), ready.getComputedCount());
    }

    /** The students trained a step together. */
    void trained(int images) {
        trained.add(0, images);
    }

    /** An epoch begins; the time until its first step is not trained. */
    void interrupted() {
        trained.interrupted();
    }

    /** Returns what a teacher answered. */
    Throughput of(String workerId) {
        return answered.getOrDefault(workerId, new Throughput(clock));
    }

    /** Returns the images a second that all students train together. */
    double trainedPerSecond() {
        return trained.perSecond();
    }
}
