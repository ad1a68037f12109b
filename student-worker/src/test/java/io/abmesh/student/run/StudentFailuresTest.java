package io.abmesh.student.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.nn.export.ExportException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class StudentFailuresTest {
    @ParameterizedTest
    @CsvSource({
        "EXPORT_MISMATCH, EXPORT_MISMATCH",
        "UNWRITABLE, STORE_FULL",
        "WRONG_PARAMETERS, INTERNAL"
    })
    void whatKeepsAStudentFromBeingExportedIsNamed(
            ExportException.Reason reason, ErrorReason named) {
        MeshException failure = StudentFailures.of(new ExportException(reason, "because"));

        assertThat(failure.reason()).isEqualTo(named);
        assertThat(failure).hasMessage("because");
    }
}
