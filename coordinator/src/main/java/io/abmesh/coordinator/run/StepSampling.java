package io.abmesh.coordinator.run;

import io.abmesh.proto.trace.StepTracing;
import io.opentelemetry.api.trace.Span;

/**
 * Which steps are traced.
 *
 * @param tracing records spans; borrowed
 * @param everySteps steps of which the first is traced, at least 1
 */
public record StepSampling(StepTracing tracing, int everySteps) {

    /** Begins the span of a step; none if it is not traced. */
    Span begin(String runId, long step) {
        if (step % everySteps != 0) {
            return Span.getInvalid();
        }
        return tracing.begin("step")
                .setAttribute("abmesh.run", runId)
                .setAttribute("abmesh.step", step);
    }
}
