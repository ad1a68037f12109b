package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TeacherServingTest {
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    private final TeacherServing<String> serving =
            new TeacherServing<>(new TeacherFeed.Need(List.of(), true), START);

    @Test
    void aStreamThatIsAskedForIsOwed() {
        assertThat(serving.silent(at(7))).isEqualTo(Duration.ofSeconds(7));
        assertThat(serving.owed()).isEqualTo("a stream");

        serving.opened(at(8));
        assertThat(serving.silent(at(100))).isZero();
    }

    @Test
    void silenceBeginsWithTheFirstMicroBatchAndAnewWithEachAnswer() {
        serving.opened(at(0));
        serving.give("one", "1", at(50));
        serving.give("two", "2", at(52));
        assertThat(serving.silent(at(53))).isEqualTo(Duration.ofSeconds(3));
        assertThat(serving.owed()).isEqualTo("2 micro-batches");

        assertThat(serving.answered("one", at(54))).contains("1");
        assertThat(serving.silent(at(55))).isEqualTo(Duration.ofSeconds(1));
        assertThat(serving.answered("two", at(56))).contains("2");
        assertThat(serving.silent(at(100))).isZero();
        assertThat(serving.held()).containsOnlyKeys("one", "two");
    }

    @Test
    void whatIsTakenFromItIsNotOwed() {
        serving.opened(at(0));
        serving.give("one", "1", at(1));

        assertThat(serving.take("one")).contains("1");
        assertThat(serving.silent(at(100))).isZero();
        assertThat(serving.answered("one", at(101))).isEmpty();
    }

    private static Instant at(long seconds) {
        return START.plusSeconds(seconds);
    }
}
