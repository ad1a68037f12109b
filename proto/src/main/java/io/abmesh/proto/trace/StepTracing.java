package io.abmesh.proto.trace;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Spans of sampled steps, by OpenTelemetry. A span of one process follows one of another by W3C's
 * {@code traceparent}, which messages carry. Where it is off, no library is loaded and every span
 * is none. Thread-safe.
 */
public final class StepTracing implements AutoCloseable {
    private static final String TRACE_PARENT = "traceparent";
    private static final int FLUSH_SECONDS = 5;

    /** OpenTelemetry's standard variable with the address of a collector, which turns it on. */
    public static final String ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private static final TextMapGetter<String> GETTER =
            new TextMapGetter<>() {
                @Override
                public Iterable<String> keys(String parent) {
                    return List.of(TRACE_PARENT);
                }

                @Override
                public @Nullable String get(@Nullable String parent, String key) {
                    return key.equals(TRACE_PARENT) ? parent : null;
                }
            };

    private final @Nullable OpenTelemetrySdk sdk;
    private final Tracer tracer;

    private StepTracing(@Nullable OpenTelemetrySdk sdk) {
        this.sdk = sdk;
        OpenTelemetry telemetry = sdk == null ? OpenTelemetry.noop() : sdk;
        this.tracer = telemetry.getTracer("io.abmesh");
    }

    /** Returns one that records nothing. */
    public static StepTracing off() {
        return new StepTracing(null);
    }

    /** Returns one that records with an SDK, which it closes. */
    public static StepTracing of(OpenTelemetrySdk sdk) {
        return new StepTracing(sdk);
    }

    /**
     * Returns what OpenTelemetry's standard variables say, off where {@link #ENDPOINT} is not
     * there. Spans are sent by HTTP.
     *
     * @param environment variables; the SDK itself reads those of the process
     * @param service name of the service in traces
     */
    public static StepTracing fromEnvironment(Map<String, String> environment, String service) {
        if (endpoint(environment).isEmpty()) {
            return off();
        }
        return new StepTracing(
                AutoConfiguredOpenTelemetrySdk.builder()
                        .addPropertiesSupplier(
                                () ->
                                        Map.of(
                                                "otel.service.name", service,
                                                "otel.exporter.otlp.protocol", "http/protobuf",
                                                "otel.metrics.exporter", "none",
                                                "otel.logs.exporter", "none"))
                        .disableShutdownHook()
                        .build()
                        .getOpenTelemetrySdk());
    }

    /** Returns the collector's address; empty: there is none. */
    public static Optional<String> endpoint(Map<String, String> environment) {
        return Optional.ofNullable(environment.get(ENDPOINT)).filter(value -> !value.isBlank());
    }

    /** Returns whether anything is recorded. */
    public boolean on() {
        return sdk != null;
    }

    /** Begins a span that follows none; none where tracing is off. */
    public Span begin(String name) {
        return sdk == null ? Span.getInvalid() : tracer.spanBuilder(name).setNoParent().startSpan();
    }

    /**
     * Begins a span that follows one of another process.
     *
     * @param traceParent of that span; empty or unreadable: none is begun
     */
    public Span follow(String traceParent, String name) {
        if (sdk == null || traceParent.isEmpty()) {
            return Span.getInvalid();
        }
        Context context =
                W3CTraceContextPropagator.getInstance()
                        .extract(Context.root(), traceParent, GETTER);
        if (!Span.fromContext(context).getSpanContext().isValid()) {
            return Span.getInvalid();
        }
        return tracer.spanBuilder(name).setParent(context).startSpan();
    }

    /** Records what was done for a span between two moments; nothing for none. */
    public void record(Span of, String name, Instant begin, Instant end) {
        if (of.isRecording()) {
            tracer.spanBuilder(name)
                    .setParent(Context.root().with(of))
                    .setStartTimestamp(begin)
                    .startSpan()
                    .end(end);
        }
    }

    /** Returns what spans of other processes follow the span by; empty for none. */
    public static String traceParent(Span span) {
        if (!span.getSpanContext().isValid()) {
            return "";
        }
        Map<String, String> carrier = new HashMap<>();
        W3CTraceContextPropagator.getInstance()
                .inject(Context.root().with(span), carrier, (to, key, value) -> to.put(key, value));
        return carrier.getOrDefault(TRACE_PARENT, "");
    }

    /** Sends what is recorded, for at most {@value #FLUSH_SECONDS} seconds. */
    @Override
    public void close() {
        if (sdk != null) {
            sdk.shutdown().join(FLUSH_SECONDS, TimeUnit.SECONDS);
        }
    }
}
