package io.abmesh.proto.process;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class CannotRunTest {
    @Test
    void theInnermostCauseIsToldInOneLine() {
        Throwable failure =
                new IllegalStateException(
                        "Failed to start application",
                        new IllegalArgumentException(
                                "Configuration validation failed:\n"
                                        + "\tjava.util.NoSuchElementException: a is required\n"
                                        + "\tb is required\n"));

        assertThat(CannotRun.oneLine(failure))
                .isEqualTo("Configuration validation failed: a is required; b is required");
    }

    @Test
    void aCauseWithoutAMessageIsToldByItsName() {
        assertThat(CannotRun.oneLine(new IllegalStateException(new InterruptedException())))
                .isEqualTo("java.lang.InterruptedException");
    }
}
