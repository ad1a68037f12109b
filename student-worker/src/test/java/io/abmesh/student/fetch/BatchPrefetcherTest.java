package io.abmesh.student.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.student.meter.StudentMeters;
import io.grpc.Context;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(600)
final class BatchPrefetcherTest {
    private static final int SAMPLES = 64;
    private static final TensorNeeds NEEDS =
            new TensorNeeds(
                    List.of(new TensorNeed("image", Encoding.ENCODING_UINT8, List.of(1L, 4L, 4L))));
    private static final long BATCH_BYTES = NEEDS.slabBytes(SAMPLES);

    private final AtomicLong nanos = new AtomicLong();

    @Test
    void fetchesAheadButNotBeyondItsMemory() throws Exception {
        BlockingQueue<String> fetched = new LinkedBlockingQueue<>();
        BatchSource source =
                (address, request, maxBytes, allocator) -> {
                    fetched.add(request.getBatchId());
                    return answer(request, allocator);
                };
        try (BatchPrefetcher prefetcher = prefetcher(source, 2 * BATCH_BYTES)) {
            PendingBatch first = prefetcher.submit(reference("1", "a"), 1, NEEDS);
            PendingBatch second = prefetcher.submit(reference("2", "a"), 1, NEEDS);
            PendingBatch third = prefetcher.submit(reference("3", "a"), 1, NEEDS);

            assertThat(first.await()).containsOnlyKeys("image");
            assertThat(second.await()).containsOnlyKeys("image");
            assertThat(prefetcher.usedBytes()).isEqualTo(2 * BATCH_BYTES);
            assertThat(fetched).containsExactlyInAnyOrder("1", "2");

            first.release();
            assertThat(third.await()).containsOnlyKeys("image");
            second.release();
            third.release();
            assertThat(prefetcher.usedBytes()).isZero();
        }
    }

    @Test
    void fetchesFromTheNewAddressOfALostBatch() throws Exception {
        CountDownLatch hanging = new CountDownLatch(1);
        BatchSource source =
                (address, request, maxBytes, allocator) -> {
                    if (address.equals("new")) {
                        assertThat(request.getEpoch()).isEqualTo(2);
                        return answer(request, allocator);
                    }
                    return hang(hanging);
                };
        try (BatchPrefetcher prefetcher = prefetcher(source, BATCH_BYTES)) {
            PendingBatch batch = prefetcher.submit(reference("1", "old"), 1, NEEDS);
            hanging.await();
            batch.replace(reference("1b", "new"), 2);

            assertThat(batch.await()).containsOnlyKeys("image");
        }
    }

    @Test
    void triesAgainWhileTheReasonMayPass() throws Exception {
        AtomicLong attempts = new AtomicLong();
        BatchSource source =
                (address, request, maxBytes, allocator) -> {
                    if (attempts.incrementAndGet() < 3) {
                        throw new MeshException(ErrorReason.CHECKSUM_MISMATCH, "flipped");
                    }
                    return answer(request, allocator);
                };
        try (BatchPrefetcher prefetcher = prefetcher(source, BATCH_BYTES)) {
            assertThat(prefetcher.submit(reference("1", "a"), 1, NEEDS).await()).hasSize(1);
            assertThat(attempts).hasValue(3);
        }
    }

    @Test
    void triesAgainWhereAServerCancels() throws Exception {
        AtomicLong attempts = new AtomicLong();
        BatchSource source =
                (address, request, maxBytes, allocator) -> {
                    if (attempts.incrementAndGet() == 1) {
                        throw new MeshException(ErrorReason.CANCELLED, "RST_STREAM");
                    }
                    return answer(request, allocator);
                };
        try (BatchPrefetcher prefetcher = prefetcher(source, BATCH_BYTES)) {
            assertThat(prefetcher.submit(reference("1", "a"), 1, NEEDS).await()).hasSize(1);
            assertThat(attempts).hasValue(2);
        }
    }

    @Test
    void givesABatchUpAfterItsTimeout() {
        BatchSource source =
                (address, request, maxBytes, allocator) -> {
                    nanos.addAndGet(Duration.ofSeconds(6).toNanos());
                    throw new MeshException(ErrorReason.TRANSPORT_UNAVAILABLE, "no route");
                };
        try (BatchPrefetcher prefetcher = prefetcher(source, BATCH_BYTES)) {
            PendingBatch batch = prefetcher.submit(reference("1", "here:1"), 1, NEEDS);

            assertThatThrownBy(batch::await)
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e -> assertThat(e.reason()).isEqualTo(ErrorReason.BATCH_UNAVAILABLE))
                    .hasMessage(
                            "batch cannot be fetched: batch=1, address=here:1, tried for=PT10S,"
                                    + " last=TRANSPORT_UNAVAILABLE: no route");
            assertThat(prefetcher.usedBytes()).isZero();
        }
    }

    @Test
    void doesNotRepeatWhatCannotPass() {
        AtomicLong attempts = new AtomicLong();
        BatchSource source =
                (address, request, maxBytes, allocator) -> {
                    attempts.incrementAndGet();
                    throw new MeshException(ErrorReason.TENSOR_NOT_FOUND, "no such tensor");
                };
        try (BatchPrefetcher prefetcher = prefetcher(source, BATCH_BYTES)) {
            PendingBatch batch = prefetcher.submit(reference("1", "a"), 1, NEEDS);

            assertThatThrownBy(batch::await).hasMessage("no such tensor");
            assertThat(attempts).hasValue(1);
        }
    }

    @Test
    void refusesATensorOfAnotherShape() {
        BatchSource source =
                (address, request, maxBytes, allocator) -> {
                    ByteBuffer bytes = allocator.apply(SAMPLES * 16);
                    return Map.of(
                            "image",
                            new Tensor(
                                    TensorFrames.describe(
                                            "image",
                                            List.of((long) SAMPLES, 1L, 2L, 8L),
                                            Encoding.ENCODING_UINT8),
                                    bytes));
                };
        try (BatchPrefetcher prefetcher = prefetcher(source, BATCH_BYTES)) {
            PendingBatch batch = prefetcher.submit(reference("1", "a"), 1, NEEDS);

            assertThatThrownBy(batch::await)
                    .isInstanceOf(MeshException.class)
                    .hasMessage(
                            "tensor is not the expected one: batch=1, tensor=image,"
                                    + " found=ENCODING_UINT8[64, 1, 2, 8],"
                                    + " expected=ENCODING_UINT8[64, 1, 4, 4]");
        }
    }

    @Test
    void refusesABatchThatCanNeverFit() {
        try (BatchPrefetcher prefetcher =
                prefetcher(
                        (address, request, maxBytes, allocator) -> answer(request, allocator),
                        BATCH_BYTES - 1)) {
            PendingBatch batch = prefetcher.submit(reference("1", "a"), 1, NEEDS);

            assertThatThrownBy(batch::await)
                    .hasMessageContaining("exceeds abmesh.student.prefetch-memory: found=1024");
        }
    }

    @Test
    void aBatchForWhichTheProcessHasNoMemoryFailsAndTheNextOneComes() throws Exception {
        AtomicLong allocations = new AtomicLong();
        IntFunction<ByteBuffer> allocator =
                bytes -> {
                    if (allocations.incrementAndGet() == 1) {
                        throw new OutOfMemoryError("Cannot reserve direct memory");
                    }
                    return ByteBuffer.allocate(bytes);
                };
        try (BatchPrefetcher prefetcher =
                new BatchPrefetcher(
                        (address, request, maxBytes, slab) -> answer(request, slab),
                        new FetchSettings(BATCH_BYTES, 1, Duration.ofSeconds(10)),
                        new StudentMeters(new SimpleMeterRegistry()),
                        nanos::get,
                        new TensorMemory(BATCH_BYTES, allocator))) {
            PendingBatch first = prefetcher.submit(reference("1", "a"), 1, NEEDS);

            assertThatThrownBy(first::await)
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e -> assertThat(e.reason()).isEqualTo(ErrorReason.INTERNAL))
                    .hasMessage(
                            "no direct memory for a micro-batch: expected=1024 bytes,"
                                    + " found=Cannot reserve direct memory; raise"
                                    + " -XX:MaxDirectMemorySize or lower"
                                    + " abmesh.student.prefetch-memory");
            assertThat(prefetcher.usedBytes()).isZero();
            assertThat(prefetcher.submit(reference("2", "a"), 1, NEEDS).await()).hasSize(1);
        }
    }

    @Test
    void abandonedBatchesGiveTheirMemoryToTheNext() throws Exception {
        CountDownLatch hanging = new CountDownLatch(1);
        BatchSource source =
                (address, request, maxBytes, allocator) ->
                        address.equals("good") ? answer(request, allocator) : hang(hanging);
        try (BatchPrefetcher prefetcher = prefetcher(source, BATCH_BYTES)) {
            PendingBatch stuck = prefetcher.submit(reference("1", "bad"), 1, NEEDS);
            PendingBatch next = prefetcher.submit(reference("2", "good"), 1, NEEDS);
            hanging.await();
            stuck.abandon();

            assertThat(next.await()).containsOnlyKeys("image");
            assertThatThrownBy(stuck::await).hasMessage("batch was abandoned: batch=1");
        }
    }

    @Test
    void aBatchInUseIsNotTakenAway() throws Exception {
        try (BatchPrefetcher prefetcher =
                prefetcher(
                        (address, request, maxBytes, allocator) -> answer(request, allocator),
                        BATCH_BYTES)) {
            PendingBatch batch = prefetcher.submit(reference("1", "a"), 1, NEEDS);
            batch.await();
            batch.abandon();
            assertThat(prefetcher.usedBytes()).isEqualTo(BATCH_BYTES);

            batch.release();
            batch.release();
            assertThat(prefetcher.usedBytes()).isZero();
        }
    }

    private BatchPrefetcher prefetcher(BatchSource source, long maxBytes) {
        return new BatchPrefetcher(
                source,
                new FetchSettings(maxBytes, 2, Duration.ofSeconds(10)),
                new StudentMeters(new SimpleMeterRegistry()),
                nanos::get);
    }

    private static BatchReference reference(String id, String address) {
        return BatchReference.newBuilder()
                .setBatchId(id)
                .setAddress(address)
                .setSampleCount(SAMPLES)
                .build();
    }

    private static Map<String, Tensor> answer(
            FetchBatchRequest request, IntFunction<ByteBuffer> allocator) {
        return Map.of(
                request.getTensors(0),
                new Tensor(
                        TensorFrames.describe(
                                request.getTensors(0),
                                List.of((long) SAMPLES, 1L, 4L, 4L),
                                Encoding.ENCODING_UINT8),
                        allocator.apply(SAMPLES * 16)));
    }

    /** A server that never answers, until the call is cancelled. */
    private static Map<String, Tensor> hang(CountDownLatch begun) {
        CountDownLatch cancelled = new CountDownLatch(1);
        Context.current().addListener(context -> cancelled.countDown(), Runnable::run);
        begun.countDown();
        try {
            cancelled.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new MeshException(ErrorReason.CANCELLED, "call was cancelled");
    }
}
