package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.TinyPlan;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the services of a run log for programs to read. */
final class LogsIT {
    private static final List<String> WORDS =
            List.of("timestamp", "level", "loggerName", "message");
    private static final Map<String, String> VARIABLES =
            Map.of(
                    "ABMESH_LOG_FORMAT", "json",
                    "QUARKUS_LOG_CATEGORY__IO_ABMESH__LEVEL", "DEBUG");

    @TempDir Path folder;

    @Test
    void everyLineIsAnObjectAndThoseOfAStepNameRunWorkerAndStep() throws Exception {
        TinyPlan.write(folder);
        Path out = folder.resolve("out");
        try (AbmeshCommand command =
                AbmeshCommand.start(
                        folder,
                        VARIABLES,
                        "run",
                        "plan.yaml",
                        "--out",
                        out.toString(),
                        "--set",
                        "compare.crossEntropy=false")) {
            command.await().requireExit(0);
        }
        String run;
        try (var runs = Files.list(out.resolve("store"))) {
            run =
                    runs.filter(Files::isDirectory)
                            .findFirst()
                            .orElseThrow()
                            .getFileName()
                            .toString();
        }

        assertSteps(lines(out, "coordinator"), "Step committed", run, "student-0");
        assertSteps(lines(out, "student-0"), "Step computed", run, "student-0");
        assertSteps(lines(out, "teacher-0"), "Batch computed", run, "teacher-0");
        assertThat(lines(out, "coordinator"))
                .filteredOn(line -> text(line, "message").startsWith("Run ended"))
                .singleElement()
                .satisfies(line -> assertThat(context(line)).containsEntry("run", run));
    }

    /** Each step of both phases has a line, and no line is of another step; an exam is of none. */
    private static void assertSteps(List<Struct> lines, String event, String run, String worker) {
        List<Struct> steps =
                lines.stream()
                        .filter(line -> text(line, "message").startsWith(event))
                        .filter(line -> !text(line, "message").contains("/exam/"))
                        .toList();
        assertThat(steps)
                .map(LogsIT::context)
                .containsExactlyElementsOf(
                        LongStream.range(0, TinyPlan.STEPS / 2)
                                .mapToObj(
                                        step ->
                                                Map.of(
                                                        "run",
                                                        run,
                                                        "worker",
                                                        worker,
                                                        "step",
                                                        Long.toString(step)))
                                .toList());
    }

    private static List<Struct> lines(Path out, String service) throws Exception {
        List<Struct> lines = new ArrayList<>();
        for (String line : Files.readAllLines(out.resolve("logs").resolve(service + ".log"))) {
            Struct.Builder object = Struct.newBuilder();
            JsonFormat.parser().merge(line, object);
            for (String word : WORDS) {
                assertThat(text(object.build(), word)).as(line).isNotEmpty();
            }
            OffsetDateTime.parse(text(object.build(), "timestamp"));
            lines.add(object.build());
        }
        assertThat(lines).as(service).isNotEmpty();
        return lines;
    }

    private static String text(Struct line, String name) {
        return line.getFieldsOrDefault(name, com.google.protobuf.Value.getDefaultInstance())
                .getStringValue();
    }

    private static Map<String, String> context(Struct line) {
        Map<String, String> context = new LinkedHashMap<>();
        line.getFieldsOrThrow("mdc")
                .getStructValue()
                .getFieldsMap()
                .forEach((name, value) -> context.put(name, value.getStringValue()));
        return context;
    }
}
