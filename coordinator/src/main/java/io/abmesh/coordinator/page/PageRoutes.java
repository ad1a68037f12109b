package io.abmesh.coordinator.page;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.abmesh.coordinator.plan.PlanDocument;
import io.abmesh.coordinator.run.RunRecord;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.vertx.core.Context;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What the page reads, all of it with GET:
 *
 * <pre>
 * /api/runs?find=TEXT&amp;state=STATE&amp;from=N
 *                            up to 100 of the runs that have the text in their name or id and are
 *                            in the state, newest first, behind the first N; and how many there are
 * /api/runs/RUN              one run and its plan, complete
 * /api/runs/RUN/curves       its phases, curves and the number of the next event
 * /api/runs/RUN/events       its last events that are no steps
 * /api/runs/RUN/files        names and sizes of its files
 * /api/runs/RUN/files/NAME   one of them
 * /api/mesh                  who feeds whom
 * /api/stream?after=RUN:NEXT,RUN:NEXT
 *                            what happens from now on, as server-sent events
 * </pre>
 *
 * <p>A message of the stream has any of {@code runs} (those that changed; with {@code complete}
 * those that have not ended or are followed, after which a list is to be read again), {@code
 * events} (by run, from the one asked for on, without gaps), {@code behind} (runs whose curves are
 * to be read again) and {@code mesh}. Its id is the position after it, which a browser that comes
 * back sends as {@code Last-Event-ID}.
 */
@Singleton
public final class PageRoutes {
    private static final int RETRY_MILLIS = 1000;

    /** Files of a run that are given out, in the order in which they are shown. */
    private static final Map<String, String> FILES = files();

    /** A report has styles of its own, and nothing else. */
    private static final String REPORT_POLICY =
            "default-src 'none'; style-src 'unsafe-inline'; sandbox";

    private final PageConfig config;
    private final AtomicReference<@Nullable Served> served = new AtomicReference<>();

    private record Served(Runs runs, RunTraces traces, PageStreams streams) {}

    /** Answers nothing yet. */
    public PageRoutes(PageConfig config) {
        this.config = config;
    }

    private static Map<String, String> files() {
        Map<String, String> types = new LinkedHashMap<>();
        types.put("report.html", "text/html; charset=utf-8");
        types.put("report.json", "application/json");
        types.put("metrics.jsonl", "application/x-ndjson");
        types.put("plan.yaml", "text/plain; charset=utf-8");
        types.put("student.onnx", "application/octet-stream");
        types.put("student.dl4j.zip", "application/zip");
        return types;
    }

    /** Begins to answer from these runs; borrowed. */
    public void serve(Runs runs) {
        PageStreams streams = new PageStreams(runs, config.maxStreams());
        served.set(new Served(runs, new RunTraces(config.curveMemory().asLongValue()), streams));
        streams.start();
    }

    /** Ends every stream and answers that there is nothing here. */
    public void stop() {
        Served last = served.getAndSet(null);
        if (last != null) {
            last.streams().close();
        }
    }

    /** Adds the routes to those of the process. */
    public void add(@Observes Router router) {
        json(router, "/api/runs", this::list);
        json(router, "/api/runs/:run", c -> run(record(c)));
        json(
                router,
                "/api/runs/:run/curves",
                c -> served().traces().show(record(c), PageJson::curves));
        json(router, "/api/runs/:run/events", c -> events(record(c)));
        json(router, "/api/runs/:run/files", c -> sizes(record(c)));
        json(router, "/api/mesh", c -> PageJson.mesh(served().runs().mesh()));
        router.get("/api/runs/:run/files/:name")
                .blockingHandler(c -> guarded(c, () -> file(c)), false);
        router.get("/api/stream").handler(c -> guarded(c, () -> stream(c)));
    }

    private static void json(
            Router router, String path, Function<RoutingContext, JsonNode> answer) {
        router.get(path)
                .blockingHandler(c -> guarded(c, () -> compressed(c, answer.apply(c))), false);
    }

    /** Answers what a browser that can read it so gets compressed. */
    private static void compressed(RoutingContext context, JsonNode answer) {
        HttpServerResponse response = context.response();
        // Quarkus marks every response as one that stays as it is, but for those that it knows.
        response.headers().remove("Content-Encoding");
        response.putHeader("Content-Type", "application/json")
                .putHeader("Cache-Control", "no-store")
                .end(answer.toString());
    }

    /** Answers an error as one, in one line. */
    private static void guarded(RoutingContext context, Runnable answer) {
        try {
            answer.run();
        } catch (MeshException e) {
            int status =
                    switch (e.reason()) {
                        case RUN_NOT_FOUND, ARTIFACT_NOT_FOUND -> 404;
                        case INVALID_REQUEST -> 400;
                        case DRAINING, WORKER_OVERLOADED -> 503;
                        default -> 500;
                    };
            context.response()
                    .setStatusCode(status)
                    .putHeader("Content-Type", "application/json")
                    .putHeader("Cache-Control", "no-store")
                    .end(
                            PageJson.object()
                                    .put("reason", e.reason().name())
                                    .put("message", e.getMessage())
                                    .toString());
        }
    }

    private Served served() {
        Served now = served.get();
        if (now == null) {
            throw new MeshException(ErrorReason.DRAINING, "coordinator does not serve now");
        }
        return now;
    }

    private RunRecord record(RoutingContext context) {
        return served().runs().record(context.pathParam("run"));
    }

    private ObjectNode list(RoutingContext context) {
        RunQuery query =
                RunQuery.of(
                        context.queryParams().get("find"),
                        context.queryParams().get("state"),
                        context.queryParams().get("from"));
        return PageJson.page(query.answer(served().runs().records()));
    }

    private static ObjectNode run(RunRecord record) {
        ObjectNode json = PageJson.summary(record);
        json.set("plan", PlanDocument.of(record.folder().plan().plan()));
        return json;
    }

    private ArrayNode events(RunRecord record) {
        ArrayNode events = PageJson.array();
        for (int number : served().traces().show(record, RunTrace::noted)) {
            try {
                events.add(
                        PageJson.event(
                                record.journal().read(number), record.folder().plan().plan()));
            } catch (IOException e) {
                throw RunStore.unusable(record.folder().folder(), e);
            }
        }
        return events;
    }

    private static ObjectNode sizes(RunRecord record) {
        ObjectNode sizes = PageJson.object();
        for (String name : FILES.keySet()) {
            Path file = record.folder().file(name);
            try {
                if (Files.isRegularFile(file)) {
                    sizes.put(name, Files.size(file));
                }
            } catch (IOException e) {
                throw RunStore.unusable(file, e);
            }
        }
        return sizes;
    }

    private void file(RoutingContext context) {
        RunRecord record = record(context);
        String name = context.pathParam("name");
        String type = FILES.get(name);
        if (type == null || !Files.isRegularFile(record.folder().file(name))) {
            throw new MeshException(
                    ErrorReason.ARTIFACT_NOT_FOUND,
                    "run has no such file: found=" + name + ", known=" + FILES.keySet(),
                    Map.of("run_id", record.folder().runId(), "name", name));
        }
        HttpServerResponse response =
                context.response()
                        .putHeader("Content-Type", type)
                        .putHeader("Cache-Control", "no-store")
                        .putHeader("Content-Security-Policy", REPORT_POLICY);
        if (!type.startsWith("text/")) {
            response.putHeader(
                    "Content-Disposition",
                    "attachment; filename=\"" + record.folder().runId() + "-" + name + "\"");
        }
        var unused = response.sendFile(record.folder().file(name).toString());
    }

    private void stream(RoutingContext context) {
        Served now = served();
        String last = context.request().getHeader("Last-Event-ID");
        List<String> after = context.queryParam("after");
        Cursor from;
        try {
            from = Cursor.parse(last != null ? last : after.isEmpty() ? "" : after.get(0));
        } catch (IllegalArgumentException e) {
            throw new MeshException(ErrorReason.INVALID_REQUEST, String.valueOf(e.getMessage()));
        }
        ResponseSink sink =
                new ResponseSink(context.vertx().getOrCreateContext(), context.response());
        context.response().closeHandler(closed -> now.streams().remove(sink));
        if (!now.streams().add(from, sink)) {
            throw new MeshException(
                    ErrorReason.WORKER_OVERLOADED,
                    "as many browsers are kept up to date as may be: found=" + config.maxStreams());
        }
        context.response()
                .setChunked(true)
                .putHeader("Content-Type", "text/event-stream")
                .putHeader("Cache-Control", "no-store")
                .putHeader("X-Accel-Buffering", "no")
                .write("retry: " + RETRY_MILLIS + "\n\n");
    }

    /** A response that server-sent events are written to; JSON has no line breaks. */
    private static final class ResponseSink implements PageStreams.Sink {
        private final Context context;
        private final HttpServerResponse response;

        ResponseSink(Context context, HttpServerResponse response) {
            this.context = context;
            this.response = response;
        }

        @Override
        public boolean ready() {
            return response.headWritten() && !response.closed() && !response.writeQueueFull();
        }

        @Override
        public void send(Cursor position, ObjectNode update) {
            write("id: " + position + "\ndata: " + update + "\n\n");
        }

        @Override
        public void beat() {
            write("event: beat\ndata: {}\n\n");
        }

        private void write(String text) {
            context.runOnContext(
                    now -> {
                        if (!response.closed() && !response.ended()) {
                            var unused = response.write(text);
                        }
                    });
        }

        @Override
        public void end() {
            context.runOnContext(
                    now -> {
                        if (!response.closed() && !response.ended()) {
                            var unused = response.end();
                        }
                    });
        }
    }
}
