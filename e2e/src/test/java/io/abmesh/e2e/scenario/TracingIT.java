package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.Services;
import io.abmesh.e2e.harness.TinyPlan;
import io.abmesh.e2e.harness.TraceReceiver;
import io.abmesh.e2e.harness.TraceReceiver.Received;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a trace shows of a step. */
final class TracingIT {
    @TempDir Path folder;

    @Test
    void aTraceFollowsASampledStepThroughCoordinatorTeacherAndStudent() throws Exception {
        Path plan = TinyPlan.write(folder);
        List<Received> spans;
        try (TraceReceiver receiver = TraceReceiver.start();
                Services services =
                        new Services(
                                folder,
                                Map.of(
                                        "OTEL_EXPORTER_OTLP_ENDPOINT",
                                        receiver.endpoint(),
                                        "OTEL_BSP_SCHEDULE_DELAY",
                                        "100",
                                        "ABMESH_COORDINATOR_TRACE_EVERY_STEPS",
                                        "5"))) {
            services.startCoordinator();
            services.startWorkers(folder.resolve("teacher.onnx"));
            services.submit(plan, "compare.crossEntropy=false");
            spans =
                    receiver.await(
                            "four steps of sixteen are traced to their ends",
                            all ->
                                    Stream.of("step", "student.step", "teacher.batch", "compute")
                                            .allMatch(name -> named(all, name).size() == 4));
        }

        List<Received> roots = named(spans, "step");
        assertThat(roots).extracting(TracingIT::step).containsExactly(0L, 5L, 10L, 15L);
        for (Received root : roots) {
            assertThat(root.service()).isEqualTo("abmesh-coordinator");
            Received batch = only(spans, "teacher.batch", root);
            assertThat(batch.service()).isEqualTo("abmesh-teacher-worker");
            assertThat(only(spans, "compute", batch).service()).isEqualTo("abmesh-teacher-worker");
            Received student = only(spans, "student.step", root);
            assertThat(student.service()).isEqualTo("abmesh-student-worker");
            for (String part : List.of("fetch", "forward", "backward", "exchange", "update")) {
                Received lap = only(spans, part, student);
                assertThat(lap.span().getEndTimeUnixNano())
                        .isGreaterThanOrEqualTo(lap.span().getStartTimeUnixNano());
            }
        }
    }

    private static List<Received> named(List<Received> spans, String name) {
        return spans.stream()
                .filter(span -> span.span().getName().equals(name))
                .sorted((a, b) -> Long.compare(step(a), step(b)))
                .toList();
    }

    /** Returns the one span of a name that follows another. */
    private static Received only(List<Received> spans, String name, Received parent) {
        List<Received> found =
                named(spans, name).stream()
                        .filter(
                                span ->
                                        span.span().getTraceId().equals(parent.span().getTraceId())
                                                && span.span()
                                                        .getParentSpanId()
                                                        .equals(parent.span().getSpanId()))
                        .toList();
        assertThat(found).as(name).hasSize(1);
        return found.get(0);
    }

    private static long step(Received span) {
        return span.span().getAttributesList().stream()
                .filter(attribute -> attribute.getKey().equals("abmesh.step"))
                .mapToLong(attribute -> attribute.getValue().getIntValue())
                .findFirst()
                .orElse(-1);
    }
}
