package io.abmesh.cli.result;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ResultTableTest {

    @TempDir Path folder;

    @Test
    void comparesEveryTrackWithTheBaseline() throws IOException {
        ResultTable table =
                ResultTable.of(
                        report(
                                """
                                {"parameters": 77850, "onnxBytes": 318000,
                                 "baseline": {"accuracy": 0.7412},
                                 "distilled": {"accuracy": 0.8139}}
                                """),
                        Map.of("cross-entropy", 1234.4));

        assertThat(table.lines())
                .containsExactly(
                        "                                accuracy  over baseline  parameters  student.onnx   images/s",
                        "-".repeat(92),
                        "baseline (cross-entropy only)    74.12 %                     77,850        318 kB      1,234",
                        "distilled                        81.39 %   +7.27 points      77,850        318 kB");
    }

    @Test
    void hasNoGainWithoutABaseline() throws IOException {
        ResultTable table =
                ResultTable.of(report("{\"supervised\": {\"accuracy\": 0.9}}"), Map.of());

        assertThat(table.rows()).hasSize(1);
        assertThat(table.rows().get(0).gain()).isEmpty();
    }

    @Test
    void refusesAReportWithoutAccuracy() throws IOException {
        RunReport report = report("{\"baseline\": {}}");

        assertThatThrownBy(() -> ResultTable.of(report, Map.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the report has no accuracy");
    }

    private RunReport report(String json) throws IOException {
        Path file = folder.resolve("report.json");
        Files.writeString(file, json);
        return RunReport.read(file);
    }
}
