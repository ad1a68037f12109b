package io.abmesh.cli.study;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class LanesTest {

    private static final long PLENTY = 1L << 40;

    @Test
    void oneAtATimeGetsTheWholeMachine() {
        assertThat(Lanes.of(1, 16, PLENTY)).isEqualTo(new Lanes(1, 0));
    }

    @Test
    void severalShareTheProcessors() {
        assertThat(Lanes.of(3, 16, PLENTY)).isEqualTo(new Lanes(3, 5));
    }

    @Test
    void thereAreNoMoreThanProcessorsAndMemorySuffice() {
        assertThat(Lanes.of(8, 2, PLENTY)).isEqualTo(new Lanes(2, 1));
        assertThat(Lanes.of(8, 16, 2 * Lanes.RUN_BYTES)).isEqualTo(new Lanes(2, 8));
        assertThat(Lanes.of(2, 16, 1)).isEqualTo(new Lanes(1, 0));
    }
}
