package io.abmesh.student.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.proto.error.MeshException;
import org.junit.jupiter.api.Test;

final class ClassificationTest {
    @Test
    void theLargestLogitDecides() {
        float[] logits = {9, 9, 0, 1, 3};

        assertThat(Classification.of(logits, 2, 3, 2).correct()).isTrue();
        assertThat(Classification.of(logits, 2, 3, 1).correct()).isFalse();
    }

    @Test
    void ofEqualLogitsTheFirstDecides() {
        float[] logits = {2, 2};

        assertThat(Classification.of(logits, 0, 2, 0).correct()).isTrue();
        assertThat(Classification.of(logits, 0, 2, 1).correct()).isFalse();
    }

    @Test
    void crossEntropyIsTheLogOfTheShare() {
        float[] logits = {0, (float) Math.log(3)};

        assertThat(Classification.of(logits, 0, 2, 0).crossEntropy())
                .isCloseTo(Math.log(4), within(1e-6));
        assertThat(Classification.of(logits, 0, 2, 1).crossEntropy())
                .isCloseTo(Math.log(4.0 / 3), within(1e-6));
    }

    @Test
    void crossEntropyOfHugeLogitsDoesNotOverflow() {
        float[] logits = {3e38f, 0};

        assertThat(Classification.of(logits, 0, 2, 1).crossEntropy()).isCloseTo(3e38, within(1e32));
    }

    @Test
    void refusesALogitThatIsNotFinite() {
        assertThatThrownBy(() -> Classification.of(new float[] {0, Float.NaN}, 0, 2, 0))
                .isInstanceOf(MeshException.class)
                .hasMessage("logit is not finite: class=1, found=NaN");
    }

    @Test
    void refusesALabelThatIsNoClass() {
        assertThatThrownBy(() -> Classification.of(new float[] {0, 0}, 0, 2, 2))
                .isInstanceOf(MeshException.class)
                .hasMessage("label is no class: found=2, expected=[0, 2)");
    }
}
