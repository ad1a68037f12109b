package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.run.StudentGroup.Share;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.TapFirings;
import io.opentelemetry.api.trace.Span;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A step of three micro-batches. */
final class FedStepTest {
    private final FedStep step = new FedStep(3, Span.getInvalid());

    @Test
    void aShareCanBeFetchedOnceEachOfItsMicroBatchesCan() {
        step.ready(1, batch("b"));
        assertThat(step.part(new Share(0, 2))).isEmpty();

        step.ready(0, batch("a"));
        assertThat(step.part(new Share(0, 2))).contains(List.of(batch("a"), batch("b")));
        assertThat(step.complete()).isFalse();

        step.ready(2, batch("c"));
        assertThat(step.complete()).isTrue();
    }

    @Test
    void aShareWithoutMicroBatchesIsThere() {
        assertThat(step.part(new Share(1, 1))).contains(List.of());
    }

    @Test
    void aMicroBatchThatIsLostWithItsTeacherCannotBeFetchedAnyMore() {
        step.ready(0, batch("a"));
        step.lost(0);

        assertThat(step.part(new Share(0, 1))).isEmpty();
    }

    @Test
    void theTapsAreKnownOnceEveryMicroBatchHasToldWhicheverWasFirst() {
        step.answered(2, batch("c"), firings(2));
        step.answered(0, batch("a"), firings(0));
        assertThat(step.firings()).isEmpty();

        step.answered(1, batch("b"), firings(1));
        assertThat(step.firings().orElseThrow())
                .extracting(taps -> taps.get(0).getFiredCount())
                .containsExactly(0L, 1L, 2L);
    }

    @Test
    void samplesThatWereComputedAgainCountAgain() {
        BatchReady answer = BatchReady.newBuilder().setCachedCount(1).setComputedCount(4).build();
        step.answered(0, batch("a"), answer);
        step.lost(0);
        step.answered(0, batch("b"), answer);

        assertThat(step.cached()).isEqualTo(2);
        assertThat(step.computed()).isEqualTo(8);
    }

    private static BatchReference batch(String id) {
        return BatchReference.newBuilder().setBatchId(id).build();
    }

    private static BatchReady firings(long fired) {
        return BatchReady.newBuilder()
                .addFirings(TapFirings.newBuilder().setTap("t1").setFiredCount(fired))
                .build();
    }
}
