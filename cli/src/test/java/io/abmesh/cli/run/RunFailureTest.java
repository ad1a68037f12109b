package io.abmesh.cli.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RunFailureTest {

    @ParameterizedTest
    @CsvSource({
        "INVALID_PLAN, BAD_INPUT",
        "TAP_NOT_FOUND, BAD_INPUT",
        "TAP_SHAPE_MISMATCH, BAD_INPUT",
        "TEACHER_NOT_FINITE, BAD_INPUT",
        "TAP_WITHOUT_BOUNDARY, BAD_INPUT",
        "MODEL_UNREADABLE, BAD_INPUT",
        "STORE_FULL, WORKER_FAILED",
        "EXPORT_MISMATCH, WORKER_FAILED",
        "CHECKPOINT_CORRUPT, WORKER_FAILED",
        "TEACHER_FAILED, WORKER_FAILED",
        "INTERNAL, WORKER_FAILED"
    })
    void tellsTheUsersMistakesFromTheMeshsFailures(ErrorReason reason, ExitCode expected) {
        assertThat(RunFailure.of(new MeshException(reason, "why")).exitCode()).isEqualTo(expected);
    }

    @Test
    void saysHowAResultThatDidNotArriveIsFetched() {
        CliException failure =
                RunFailure.ofResult(
                        "report.json",
                        Path.of("/runs/a b"),
                        new MeshException(ErrorReason.INTERNAL, "why"));

        assertThat(failure.exitCode()).isEqualTo(ExitCode.WORKER_FAILED);
        assertThat(failure.lines())
                .containsExactly(
                        "abmesh: the run is done, but report.json did not arrive: why",
                        "--resume '/runs/a b' fetches the result");
    }
}
