package io.abmesh.coordinator.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CursorTest {
    @ParameterizedTest
    @ValueSource(strings = {"", "a:0", "tiny-1a2b:12,small.b-3c:0"})
    void whatIsWrittenIsReadAgain(String text) {
        assertThat(Cursor.parse(text)).hasToString(text);
    }

    @Test
    void saysTheNextEventOfEachRun() {
        assertThat(Cursor.parse("a:3,b:4").next()).isEqualTo(Map.of("a", 3, "b", 4));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", ":3", "a:-1", "a:x", "a:1,", "a:99999999999"})
    void rejectsWhatIsNoPosition(String text) {
        assertThatThrownBy(() -> Cursor.parse(text))
                .hasMessage("no position: found=" + text + ", expected=RUN:NEXT,RUN:NEXT");
    }

    @Test
    void rejectsMoreRunsThanOnePlotShows() {
        String nine =
                IntStream.range(0, 9)
                        .mapToObj(i -> "r" + i + ":0")
                        .collect(Collectors.joining(","));
        assertThatThrownBy(() -> Cursor.parse(nine))
                .hasMessage("too many runs: found=9, expected=at most 8");
    }
}
