package io.abmesh.proto.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import org.jboss.logging.MDC;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LogContextTest {
    private static final LogContext STEP = LogContext.NONE.run("r-1").worker("student-0").step(17);

    @AfterEach
    void clear() {
        MDC.clear();
    }

    @Test
    void linesOfATaskNameRunWorkerAndStep() {
        STEP.during(
                () ->
                        assertThat(MDC.getMap())
                                .containsExactlyInAnyOrderEntriesOf(
                                        Map.of("run", "r-1", "worker", "student-0", "step", "17")));
    }

    @Test
    void whatTheThreadWorkedForBeforeIsThereAgainAfterTheTask() {
        LogContext run = LogContext.NONE.run("r-1");

        run.during(
                () -> {
                    STEP.during(() -> {});
                    assertThat(LogContext.current()).isEqualTo(run);
                });
        assertThat(LogContext.current()).isEqualTo(LogContext.NONE);
    }

    @Test
    void whatTheThreadWorkedForBeforeIsThereAgainAfterAFailure() {
        assertThatThrownBy(
                        () ->
                                STEP.during(
                                        () -> {
                                            throw new IOException("disk");
                                        }))
                .isInstanceOf(IOException.class);
        assertThat(LogContext.current()).isEqualTo(LogContext.NONE);
    }

    @Test
    void aTaskInsideAnotherDoesNotTakeOverItsStep() {
        STEP.during(
                () ->
                        LogContext.NONE
                                .run("r-2")
                                .during(
                                        () ->
                                                assertThat(MDC.getMap())
                                                        .isEqualTo(Map.of("run", "r-2"))));
    }

    @Test
    void fieldsOfOthersStay() {
        MDC.put("other", "x");

        STEP.during(() -> assertThat(MDC.get("other")).isEqualTo("x"));

        assertThat(MDC.getMap()).isEqualTo(Map.of("other", "x"));
    }

    @Test
    void beforeTheFirstStepThereIsNone() {
        assertThat(LogContext.NONE.run("r-1").step(-1)).isEqualTo(LogContext.NONE.run("r-1"));
    }
}
