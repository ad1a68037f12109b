package io.abmesh.bench.transfer;

import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32C;

/**
 * The other side of {@link BatchTransfer}: a bare grpc-netty server streams 1 MiB messages of plain
 * bytes over loopback, as fast as flow control lets it, and the client copies each once. No frames,
 * checksums or descriptions.
 *
 * <p>With {@code checked}, the same with the least that a checked transfer of a batch has to do:
 * the bytes come from an array as large as the batch, both ends compute a CRC-32C, and the client
 * copies them to where they are used.
 */
public final class RawStream {
    private static final int MESSAGE = 1 << 20;
    private static final int WINDOW = 8 << 20;

    /** Messages that are as long as what {@link BatchTransfer} fetches. */
    private static final int DISTINCT = 14;

    private static final long WARM_UP_SECONDS = 15;
    private static final long MEASURE_SECONDS = 5;
    private static final MethodDescriptor<byte[], byte[]> METHOD =
            MethodDescriptor.<byte[], byte[]>newBuilder()
                    .setType(MethodDescriptor.MethodType.SERVER_STREAMING)
                    .setFullMethodName("abmesh.bench.Raw/Stream")
                    .setRequestMarshaller(new Bytes())
                    .setResponseMarshaller(new Bytes())
                    .build();

    private static final long OF_ZEROS = checksum(new byte[MESSAGE]);

    private RawStream() {}

    /** A message is its bytes. */
    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Prints MB/s; {@code java RawStream [checked]}. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        boolean checked = arguments.length > 0 && arguments[0].equals("checked");
        Server server =
                NettyServerBuilder.forAddress(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                        .flowControlWindow(WINDOW)
                        .addService(
                                ServerServiceDefinition.builder("abmesh.bench.Raw")
                                        .addMethod(
                                                METHOD,
                                                ServerCalls.asyncServerStreamingCall(
                                                        (request, observer) ->
                                                                stream(
                                                                        (ServerCallStreamObserver<
                                                                                        byte[]>)
                                                                                observer,
                                                                        checked)))
                                        .build())
                        .build()
                        .start();
        ManagedChannel channel =
                NettyChannelBuilder.forAddress("127.0.0.1", server.getPort())
                        .usePlaintext()
                        .executor(MoreExecutors.directExecutor())
                        .flowControlWindow(WINDOW)
                        .build();
        Iterator<byte[]> messages =
                ClientCalls.blockingServerStreamingCall(
                        channel,
                        METHOD,
                        CallOptions.DEFAULT.withDeadlineAfter(60, TimeUnit.SECONDS),
                        new byte[0]);
        ByteBuffer used = ByteBuffer.allocateDirect(DISTINCT * MESSAGE);
        long warmed = System.nanoTime() + TimeUnit.SECONDS.toNanos(WARM_UP_SECONDS);
        while (System.nanoTime() < warmed) {
            take(messages.next(), used, checked);
        }
        long start = System.nanoTime();
        long bytes = 0;
        long elapsed;
        do {
            bytes += take(messages.next(), used, checked);
            elapsed = System.nanoTime() - start;
        } while (elapsed < TimeUnit.SECONDS.toNanos(MEASURE_SECONDS));
        System.out.printf(Locale.ROOT, "%.0f%n", bytes * 1e3 / elapsed);
        channel.shutdownNow();
        server.shutdownNow();
    }

    private static int take(byte[] message, ByteBuffer used, boolean checked) {
        if (checked) {
            if (used.remaining() < message.length) {
                used.clear();
            }
            requireChecksum(message);
            used.put(message);
        }
        return message.length;
    }

    /** All bytes are zeros, whose checksum is known. */
    private static void requireChecksum(byte[] message) {
        if (checksum(message) != OF_ZEROS) {
            throw new IllegalStateException("message is corrupt");
        }
    }

    private static long checksum(byte[] message) {
        CRC32C checksum = new CRC32C();
        checksum.update(message);
        return checksum.getValue();
    }

    private static void stream(ServerCallStreamObserver<byte[]> observer, boolean checked) {
        byte[][] messages = new byte[checked ? DISTINCT : 1][MESSAGE];
        AtomicInteger next = new AtomicInteger();
        observer.setOnReadyHandler(
                () -> {
                    while (observer.isReady()) {
                        byte[] message = messages[next.getAndIncrement() % messages.length];
                        if (checked) {
                            requireChecksum(message);
                        }
                        observer.onNext(message);
                    }
                });
    }
}
