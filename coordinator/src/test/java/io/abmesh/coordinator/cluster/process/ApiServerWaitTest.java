package io.abmesh.coordinator.cluster.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class ApiServerWaitTest {
    private final List<Duration> pauses = new ArrayList<>();
    private final ApiServerWait wait = new ApiServerWait(pauses::add, Clock.systemUTC());

    @Test
    void asksLaterEachTimeButNeverLaterThanHalfAMinute() {
        AtomicInteger asked = new AtomicInteger();

        String answer =
                wait.answer(
                        "server",
                        () -> {
                            if (asked.incrementAndGet() <= 9) {
                                throw failure(ErrorReason.CLUSTER_UNAVAILABLE);
                            }
                            return "there";
                        });

        assertThat(answer).isEqualTo("there");
        assertThat(pauses.stream().map(Duration::toMillis))
                .containsExactly(
                        500L, 1000L, 2000L, 4000L, 8000L, 16_000L, 30_000L, 30_000L, 30_000L);
    }

    @Test
    void aServerThatIsThereIsAskedOnce() {
        assertThat(wait.<String>answer("server", () -> "there")).isEqualTo("there");
        assertThat(pauses).isEmpty();
    }

    @Test
    void aRefusalIsAnAnswer() {
        assertThatThrownBy(
                        () ->
                                wait.answer(
                                        "server",
                                        () -> {
                                            throw failure(ErrorReason.CLUSTER_REFUSED);
                                        }))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.CLUSTER_REFUSED));
        assertThat(pauses).isEmpty();
    }

    @Test
    void endsWhenItsThreadIsInterrupted() {
        ApiServerWait interrupted =
                new ApiServerWait(
                        length -> {
                            throw new InterruptedException();
                        },
                        Clock.systemUTC());
        assertThatThrownBy(
                        () ->
                                interrupted.answer(
                                        "https://kubernetes",
                                        () -> {
                                            throw failure(ErrorReason.CLUSTER_UNAVAILABLE);
                                        }))
                .hasMessage(
                        "interrupted while it waited for the API server: server=https://kubernetes");
        assertThat(Thread.interrupted()).isTrue();
    }

    private static MeshException failure(ErrorReason reason) {
        return new MeshException(reason, "no answer", Map.of());
    }
}
