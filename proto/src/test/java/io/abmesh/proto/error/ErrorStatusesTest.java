package io.abmesh.proto.error;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ErrorStatusesTest {
    @ParameterizedTest
    @EnumSource(ErrorReason.class)
    void everyReasonSurvivesTheJourney(ErrorReason reason) {
        MeshException sent = new MeshException(reason, "found=1, expected=2", Map.of("found", "1"));

        StatusRuntimeException wire = ErrorStatuses.toException(sent);
        MeshException received = ErrorStatuses.fromThrowable(wire);

        assertThat(wire.getStatus().getCode()).isEqualTo(reason.code());
        assertThat(received.reason()).isEqualTo(reason);
        assertThat(received.getMessage()).isEqualTo("found=1, expected=2");
        assertThat(received.metadata()).isEqualTo(Map.of("found", "1"));
        assertThat(received.fieldViolations()).isEmpty();
        assertThat(received.retryDelay()).isEmpty();
    }

    @Test
    void fieldViolationsAndDelaySurviveTheJourney() {
        List<FieldViolation> violations =
                List.of(
                        new FieldViolation("batch", "3:8: found=0, expected at least=2"),
                        new FieldViolation("phases[0].name", "9:5: empty"));
        MeshException sent =
                new MeshException(ErrorReason.INVALID_PLAN, "2 problems")
                        .withFieldViolations(violations)
                        .withRetryDelay(Duration.ofMillis(1500));

        MeshException received = ErrorStatuses.fromStatus(ErrorStatuses.toStatus(sent));

        assertThat(received.fieldViolations()).isEqualTo(violations);
        assertThat(received.retryDelay()).contains(Duration.ofMillis(1500));
    }

    @Test
    void reasonOfALaterVersionFallsBackToItsCode() {
        com.google.rpc.Status status =
                com.google.rpc.Status.newBuilder()
                        .setCode(Status.Code.UNAVAILABLE.value())
                        .setMessage("later")
                        .addDetails(
                                Any.pack(
                                        ErrorInfo.newBuilder()
                                                .setDomain("abmesh")
                                                .setReason("MOON_PHASE")
                                                .build()))
                        .build();

        MeshException received = ErrorStatuses.fromStatus(status);

        assertThat(received.reason()).isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE);
        assertThat(received.metadata()).containsEntry("reason", "MOON_PHASE");
    }

    @Test
    void aConnectionThatFailsSaysWhy() {
        Status status =
                Status.UNAVAILABLE
                        .withDescription("io exception")
                        .withCause(new ConnectException("Connection refused: /127.0.0.1:7700"));

        MeshException failure = ErrorStatuses.fromThrowable(status.asRuntimeException());

        assertThat(failure.reason()).isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE);
        assertThat(failure).hasMessage("io exception: Connection refused: /127.0.0.1:7700");
    }

    @Test
    void statusWithoutDetailsFallsBackToItsCode() {
        assertThat(ErrorStatuses.fromThrowable(Status.DEADLINE_EXCEEDED.asRuntimeException()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.DEADLINE_EXCEEDED);
        assertThat(ErrorStatuses.fromThrowable(Status.UNAVAILABLE.asException()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE);
        assertThat(ErrorStatuses.fromThrowable(new IllegalStateException("x")))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.INTERNAL);
    }

    @Test
    void aCallThatAServerCancelsIsOneThatDidNotArrive() {
        assertThat(ErrorStatuses.fromServer(Status.CANCELLED.asRuntimeException()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE);
        assertThat(ErrorStatuses.fromServer(new MeshException(ErrorReason.STORE_FULL, "no room")))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.STORE_FULL);
    }
}
