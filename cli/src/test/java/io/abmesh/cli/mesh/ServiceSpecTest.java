package io.abmesh.cli.mesh;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ServiceSpecTest {

    @Test
    void becomesACommandLineWithMemoryBoundsConfigurationAndTheParentsId() {
        ServiceSpec spec =
                new ServiceSpec(
                        Role.TEACHER,
                        1,
                        Path.of("/abmesh/quarkus-run.jar"),
                        Map.of("abmesh.teacher.model", "/models/my model.onnx"),
                        Path.of("/run"),
                        Path.of("/run/logs/teacher-1.log"),
                        Path.of("/run/.ready/teacher-1.json"));

        List<String> command = spec.command(Path.of("/java"), 4_711);

        assertThat(spec.name()).isEqualTo("teacher-1");
        assertThat(spec.environment())
                .containsOnly(
                        Map.entry("ORT_DISABLE_TELEMETRY", "1"),
                        Map.entry("OMP_WAIT_POLICY", "passive"));
        assertThat(command)
                .startsWith("/java")
                .anyMatch(argument -> argument.startsWith("-Xmx"))
                .anyMatch(argument -> argument.startsWith("-XX:MaxDirectMemorySize="))
                .contains(
                        "-Dabmesh.parent-pid=4711",
                        "-Dquarkus.http.port=0",
                        "-Dabmesh.teacher.ready-file=/run/.ready/teacher-1.json",
                        "-Dabmesh.teacher.model=/models/my model.onnx")
                .endsWith("-jar", "/abmesh/quarkus-run.jar");
    }
}
