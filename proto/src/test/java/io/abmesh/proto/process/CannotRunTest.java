package io.abmesh.proto.process;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class CannotRunTest {
    @Test
    void theInnermostCauseIsToldInOneLine() {
        String validation =
                """
                Configuration validation failed:
                    java.util.NoSuchElementException: a is required
                    b is required
                """;
        Throwable failure =
                new IllegalStateException("no start", new IllegalArgumentException(validation));

        assertThat(CannotRun.oneLine(failure))
                .isEqualTo("Configuration validation failed: a is required; b is required");
    }

    @Test
    void aCauseWithoutAMessageIsToldByItsName() {
        assertThat(CannotRun.oneLine(new IllegalStateException(new InterruptedException())))
                .isEqualTo("java.lang.InterruptedException");
    }
}
