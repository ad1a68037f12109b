package io.abmesh.coordinator.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.data.image.ImageShape;
import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.nio.ByteBuffer;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

final class LazyBatchesTest {
    private static final MicroBatch BATCH =
            new MicroBatch(
                    new ImageShape(1, 1, 1),
                    List.of(0L),
                    List.of(0L),
                    ByteBuffer.allocate(1),
                    ByteBuffer.allocate(4));

    /** Memory for one batch. */
    private static final long BYTES = 5;

    private final LazyBatches batches = new LazyBatches(new BatchMemory(BYTES));

    @Test
    void aBatchIsFetchedInItsEpochOrOutsideOfAny() {
        batches.begin("run", 4);
        String id = batches.offer("run", 4, "7/0", BYTES, () -> BATCH);

        assertThat(id).isEqualTo("run/4/7/0");
        assertThat(fetched(id, 4)).isSameAs(BATCH);
        assertThat(fetched(id, 0)).isSameAs(BATCH);
    }

    @Test
    void aFetchOfAnOlderEpochIsRefusedWhetherItsBatchIsThereOrNot() {
        batches.begin("run", 4);
        String old = batches.offer("run", 4, "7/0", BYTES, () -> BATCH);
        batches.begin("run", 5);
        String id = batches.offer("run", 5, "7/0", BYTES, () -> BATCH);

        refused(
                () -> batches.render(old, 4),
                ErrorReason.STALE_EPOCH,
                "fetch is of another epoch: batch=run/4/7/0, found=4, expected=5");
        refused(
                () -> batches.render(id, 4),
                ErrorReason.STALE_EPOCH,
                "fetch is of another epoch: batch=run/5/7/0, found=4, expected=5");
    }

    @Test
    void aReleasedBatchIsNotFound() {
        batches.begin("run", 4);
        String step = batches.offer("run", 4, "7/0", BYTES, () -> BATCH);
        String test = batches.offer("run", 4, "test/0", BYTES, () -> BATCH);
        batches.release("run", 4, "7/0");
        batches.releaseAll("run", 4, "test/");

        for (String id : List.of(step, test)) {
            refused(
                    () -> batches.render(id, 4),
                    ErrorReason.BATCH_NOT_FOUND,
                    "no such batch here: found=" + id);
        }
    }

    @Test
    void nothingIsLeftOfARunThatEnded() {
        batches.begin("run", 4);
        String id = batches.offer("run", 4, "7/0", BYTES, () -> BATCH);
        batches.end("run");

        refused(
                () -> batches.render(id, 4),
                ErrorReason.BATCH_NOT_FOUND,
                "no such batch here: found=run/4/7/0");
    }

    @Test
    void aFetchBeyondTheMemoryOfItsRunIsPutOffUntilAnotherIsSent() {
        batches.begin("run", 4);
        String first = batches.offer("run", 4, "7/0", BYTES, () -> BATCH);
        String second = batches.offer("run", 4, "7/1", BYTES, () -> BATCH);
        LazyBatches.Rendered sending = batches.render(first, 4);
        refused(
                () -> batches.render(second, 4),
                ErrorReason.WORKER_OVERLOADED,
                "run has no memory left for a batch: batch=run/4/7/1, bytes=5");
        sending.release().run();

        assertThat(fetched(second, 4)).isSameAs(BATCH);
    }

    @Test
    void aBatchThatCannotBeRenderedTakesNoMemory() {
        batches.begin("run", 4);
        String bad =
                batches.offer(
                        "run",
                        4,
                        "7/0",
                        BYTES,
                        () -> {
                            throw new IllegalStateException("bad sample");
                        });
        String good = batches.offer("run", 4, "7/1", BYTES, () -> BATCH);
        assertThatThrownBy(() -> batches.render(bad, 4)).hasMessage("bad sample");

        assertThat(fetched(good, 4)).isSameAs(BATCH);
    }

    private MicroBatch fetched(String id, long epoch) {
        LazyBatches.Rendered rendered = batches.render(id, epoch);
        rendered.release().run();
        return rendered.batch();
    }

    private static void refused(ThrowingCallable fetch, ErrorReason reason, String message) {
        assertThatThrownBy(fetch)
                .isInstanceOfSatisfying(
                        MeshException.class, e -> assertThat(e.reason()).isEqualTo(reason))
                .hasMessage(message);
    }
}
