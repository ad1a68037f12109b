package io.abmesh.proto.trace;

import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class StepTracingTest {
    private final InMemorySpanExporter exporter = InMemorySpanExporter.create();
    private final StepTracing tracing =
            StepTracing.of(
                    OpenTelemetrySdk.builder()
                            .setTracerProvider(
                                    SdkTracerProvider.builder()
                                            .addSpanProcessor(SimpleSpanProcessor.create(exporter))
                                            .build())
                            .build());

    private SpanData span(String name) {
        return exporter.getFinishedSpanItems().stream()
                .filter(span -> span.getName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aSpanOfAnotherProcessFollowsByTheParentThatAMessageCarries() {
        Span step = tracing.begin("step");
        Span batch = tracing.follow(StepTracing.traceParent(step), "batch");
        batch.end();
        step.end();

        assertThat(span("batch").getTraceId()).isEqualTo(span("step").getTraceId());
        assertThat(span("batch").getParentSpanId()).isEqualTo(span("step").getSpanId());
        assertThat(span("step").getParentSpanContext().isValid()).isFalse();
    }

    @Test
    void whatWasDoneHasTheMomentsThatItIsGiven() {
        Span step = tracing.begin("step");
        tracing.record(step, "forward", Instant.ofEpochSecond(5), Instant.ofEpochSecond(7));
        step.end();

        assertThat(span("forward").getStartEpochNanos()).isEqualTo(5_000_000_000L);
        assertThat(span("forward").getEndEpochNanos()).isEqualTo(7_000_000_000L);
        assertThat(span("forward").getParentSpanId()).isEqualTo(span("step").getSpanId());
    }

    @Test
    void aStepThatIsNotSampledLeavesNothing() {
        Span none = tracing.follow("", "batch");
        tracing.record(none, "forward", Instant.EPOCH, Instant.EPOCH);
        none.end();
        tracing.follow("no parent at all", "batch").end();

        assertThat(StepTracing.traceParent(none)).isEmpty();
        assertThat(exporter.getFinishedSpanItems()).isEmpty();
    }

    @Test
    void isOffWithoutAnEndpoint() {
        try (StepTracing none = StepTracing.fromEnvironment(Map.of(), "abmesh-test")) {
            assertThat(none.on()).isFalse();
            assertThat(none.begin("step").isRecording()).isFalse();
            assertThat(StepTracing.traceParent(none.begin("step"))).isEmpty();
        }
    }
}
