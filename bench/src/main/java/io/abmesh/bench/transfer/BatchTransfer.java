package io.abmesh.bench.transfer;

import io.abmesh.proto.frame.BatchFetcher;
import io.abmesh.proto.frame.Encodings;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Serves a batch of zeros over loopback and fetches it again and again, in one process: the frames,
 * checksums, flow control and copies of a real fetch without the arithmetic around it.
 */
public final class BatchTransfer {

    private static final Duration STALL_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration MEASURE = Duration.ofSeconds(5);

    /** After which the compiler has nothing left to do. */
    private static final Duration WARM_UP = Duration.ofSeconds(15);

    private static final int BATCH = 64;

    /** Taps of a wide residual network of width 2 for 32 x 32 pixels, {@code [C, H, W]}. */
    private static final List<List<Long>> TAPS =
            List.of(List.of(32L, 32L, 32L), List.of(64L, 16L, 16L), List.of(128L, 8L, 8L));

    private BatchTransfer() {}

    /**
     * Prints the table, or the MB/s of one encoding alone; {@code java BatchTransfer [ENCODING]}.
     */
    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length > 0) {
            List<Tensor> tensors = tensors(Encoding.valueOf("ENCODING_" + arguments[0]));
            System.out.printf(
                    Locale.ROOT, "%.0f%n", fetchesPerSecond(tensors) * payload(tensors) / 1e6);
            return;
        }
        print("tensors of a batch of %d", "bytes/image", "wire bytes/image", "MB/s", "images/s");
        measure("sign bits of 3 taps", Encoding.ENCODING_SIGN_BITS);
        measure("float16 of 3 taps", Encoding.ENCODING_FLOAT16);
        measure("float32 of 3 taps", Encoding.ENCODING_FLOAT32);
    }

    private static void measure(String title, Encoding encoding) throws InterruptedException {
        List<Tensor> tensors = tensors(encoding);
        long payload = payload(tensors);
        long wire =
                frames(tensors)
                        .mapToLong(
                                frame ->
                                        FetchBatchResponse.newBuilder()
                                                .setFrame(frame)
                                                .build()
                                                .getSerializedSize())
                        .sum();
        double fetches = fetchesPerSecond(tensors);
        print(
                title,
                String.valueOf(payload / BATCH),
                String.valueOf(wire / BATCH),
                String.format(Locale.ROOT, "%.0f", fetches * payload / 1e6),
                String.format(Locale.ROOT, "%.0f", fetches * BATCH));
    }

    private static long payload(List<Tensor> tensors) {
        return tensors.stream().mapToLong(tensor -> tensor.bytes().remaining()).sum();
    }

    private static double fetchesPerSecond(List<Tensor> tensors) throws InterruptedException {
        try (ResponseSender sender = new ResponseSender("bench", STALL_TIMEOUT);
                MeshServer server =
                        MeshServer.start(
                                "bench", "127.0.0.1", 0, 2, List.of(service(sender, tensors)))) {
            server.serving();
            ManagedChannel channel = MeshChannels.open("bench", server.address());
            try {
                return fetchesPerSecond(channel, payload(tensors));
            } finally {
                MeshChannels.close(channel, Duration.ofSeconds(2));
            }
        }
    }

    private static double fetchesPerSecond(ManagedChannel channel, long payload) {
        FetchBatchRequest request = FetchBatchRequest.newBuilder().setBatchId("batch").build();
        // One buffer for each tensor, used again, as the student-worker's pool does.
        List<ByteBuffer> pool = new ArrayList<>();
        long warmed = System.nanoTime() + WARM_UP.toNanos();
        while (System.nanoTime() < warmed) {
            fetch(channel, request, payload, pool);
        }
        long start = System.nanoTime();
        long fetches = 0;
        long elapsed;
        do {
            fetch(channel, request, payload, pool);
            fetches++;
            elapsed = System.nanoTime() - start;
        } while (elapsed < MEASURE.toNanos());
        return fetches * 1e9 / elapsed;
    }

    private static void fetch(
            ManagedChannel channel,
            FetchBatchRequest request,
            long payload,
            List<ByteBuffer> pool) {
        Iterator<ByteBuffer> free = List.copyOf(pool).iterator();
        BatchFetcher.fetch(
                channel,
                request,
                payload,
                STALL_TIMEOUT,
                bytes -> {
                    if (free.hasNext()) {
                        return free.next().clear();
                    }
                    ByteBuffer buffer = ByteBuffer.allocateDirect(bytes);
                    pool.add(buffer);
                    return buffer;
                });
    }

    private static BatchServiceGrpc.BatchServiceImplBase service(
            ResponseSender sender, List<Tensor> tensors) {
        return new BatchServiceGrpc.BatchServiceImplBase() {
            @Override
            public void fetchBatch(
                    FetchBatchRequest request, StreamObserver<FetchBatchResponse> observer) {
                Iterator<FetchBatchResponse> answer =
                        frames(tensors)
                                .map(
                                        frame ->
                                                FetchBatchResponse.newBuilder()
                                                        .setFrame(frame)
                                                        .build())
                                .iterator();
                sender.send(observer, answer, () -> {});
            }
        };
    }

    private static Stream<TensorFrame> frames(List<Tensor> tensors) {
        return tensors.stream()
                .flatMap(
                        tensor -> {
                            Stream.Builder<TensorFrame> frames = Stream.builder();
                            TensorFrames.split("batch", tensor).forEachRemaining(frames);
                            return frames.build();
                        });
    }

    /** Tensors in arrays, as the teacher-worker holds them. */
    private static List<Tensor> tensors(Encoding encoding) {
        List<Tensor> tensors = new ArrayList<>();
        for (List<Long> tap : TAPS) {
            List<Long> shape = new ArrayList<>(tap);
            shape.add(0, (long) BATCH);
            int bytes = Math.toIntExact(Encodings.sizeBytes(encoding, shape));
            tensors.add(
                    new Tensor(
                            TensorFrames.describe("tap" + tensors.size(), shape, encoding),
                            ByteBuffer.allocate(bytes)));
        }
        return tensors;
    }

    private static void print(
            String title, String bytes, String wire, String speed, String images) {
        System.out.printf(
                Locale.ROOT,
                "%-24s  %12s  %16s  %8s  %10s%n",
                title.formatted(BATCH),
                bytes,
                wire,
                speed,
                images);
    }
}
