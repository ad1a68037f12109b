package io.abmesh.cli.progress;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class SparklineTest {
    private static final String RAMP = "01234567";

    @Test
    void drawsTheMeanOfEachPartBetweenTheLowestAndTheHighest() {
        Sparkline line = new Sparkline(4, RAMP);

        line.add(0.0, 1);
        line.add(0.2, 3);
        line.add(0.3, 9);
        line.add(0.6, 16);

        assertThat(line.text()).isEqualTo("047");
    }

    @Test
    void leavesOutPartsWithoutValues() {
        Sparkline line = new Sparkline(4, RAMP);

        line.add(0.0, 2);
        line.add(1.0, 1);

        assertThat(line.text()).isEqualTo("70");
    }

    @Test
    void isLevelWhenNothingChangesAndEmptyWithoutValues() {
        Sparkline line = new Sparkline(4, RAMP);
        assertThat(line.text()).isEmpty();

        line.add(0.1, 5);
        line.add(0.9, 5);

        assertThat(line.text()).isEqualTo("44");
    }

    @Test
    void usesWhatTheTerminalCanShow() {
        assertThat(Sparkline.ramp(UTF_8))
                .isEqualTo("\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588");
        assertThat(US_ASCII.newEncoder().canEncode(Sparkline.ramp(US_ASCII))).isTrue();
    }
}
