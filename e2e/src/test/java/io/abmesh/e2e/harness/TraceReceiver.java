package io.abmesh.e2e.harness;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.abmesh.kube.Waiting;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.trace.v1.ResourceSpans;
import io.opentelemetry.proto.trace.v1.Span;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;

/** Takes spans by OpenTelemetry's protocol over HTTP and keeps them. */
public final class TraceReceiver implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /**
     * A span.
     *
     * @param service that recorded it
     * @param span what it recorded
     */
    public record Received(String service, Span span) {}

    private final HttpServer server;
    private final List<Received> spans = new CopyOnWriteArrayList<>();

    private TraceReceiver(HttpServer server) {
        this.server = server;
    }

    /** Starts one. */
    public static TraceReceiver start() throws IOException {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        TraceReceiver receiver = new TraceReceiver(server);
        server.createContext("/v1/traces", receiver::take);
        server.start();
        return receiver;
    }

    /** Returns what {@code OTEL_EXPORTER_OTLP_ENDPOINT} has to be. */
    public String endpoint() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private void take(HttpExchange call) throws IOException {
        try (call) {
            ExportTraceServiceRequest request =
                    ExportTraceServiceRequest.parseFrom(call.getRequestBody());
            for (ResourceSpans of : request.getResourceSpansList()) {
                String service =
                        of.getResource().getAttributesList().stream()
                                .filter(a -> a.getKey().equals("service.name"))
                                .map(a -> a.getValue().getStringValue())
                                .findFirst()
                                .orElse("");
                of.getScopeSpansList()
                        .forEach(
                                scope ->
                                        scope.getSpansList()
                                                .forEach(s -> spans.add(new Received(service, s))));
            }
            call.sendResponseHeaders(200, -1);
        }
    }

    /** Returns all spans once a condition holds of them. */
    public List<Received> await(String what, Predicate<List<Received>> condition) {
        Waiting.until(what, PATIENCE, () -> condition.test(spans));
        return List.copyOf(spans);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
