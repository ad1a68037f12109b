package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.FieldViolation;
import io.abmesh.proto.error.MeshException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class FailureTextsTest {
    @Test
    void whatIsShortStaysAsItIs() {
        MeshException failure =
                new MeshException(
                                ErrorReason.WORKER_OVERLOADED,
                                "x".repeat(FailureTexts.MOST_CHARACTERS),
                                Map.of("waiting", "32"),
                                new IllegalStateException("why"))
                        .withFieldViolations(List.of(new FieldViolation("batch", "found=1")))
                        .withRetryDelay(Duration.ofSeconds(5));

        MeshException cut = FailureTexts.cut(failure);

        assertThat(cut).hasMessage(failure.getMessage()).hasCause(failure.getCause());
        assertThat(cut.reason()).isEqualTo(ErrorReason.WORKER_OVERLOADED);
        assertThat(cut.metadata()).isEqualTo(failure.metadata());
        assertThat(cut.fieldViolations()).isEqualTo(failure.fieldViolations());
        assertThat(cut.retryDelay()).contains(Duration.ofSeconds(5));
    }

    @Test
    void whatIsCutSaysWhere() {
        assertThat(FailureTexts.cut("x".repeat(FailureTexts.MOST_CHARACTERS + 7)))
                .isEqualTo("x".repeat(FailureTexts.MOST_CHARACTERS) + "... (7 more characters)");
    }

    @Test
    void whatIsBesideAMessageIsCutInLengthAndInNumber() {
        String text = "x".repeat(FailureTexts.MOST_BESIDE + 1);
        String cutText = "x".repeat(FailureTexts.MOST_BESIDE) + "... (1 more characters)";
        int many = FailureTexts.MOST_ENTRIES + 1;

        MeshException cut =
                FailureTexts.cut(
                        new MeshException(
                                        ErrorReason.INVALID_PLAN,
                                        "many problems",
                                        IntStream.range(0, many)
                                                .boxed()
                                                .collect(
                                                        Collectors.toMap(
                                                                i -> "key" + i, i -> text)))
                                .withFieldViolations(
                                        Collections.nCopies(
                                                many, new FieldViolation("batch", text))));

        assertThat(cut.metadata())
                .hasSize(FailureTexts.MOST_ENTRIES)
                .allSatisfy((key, value) -> assertThat(value).isEqualTo(cutText));
        assertThat(cut.fieldViolations())
                .hasSize(FailureTexts.MOST_ENTRIES)
                .allMatch(violation -> violation.description().equals(cutText));
    }
}
