package io.abmesh.student.fetch;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.BatchFetcher;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.grpc.ManagedChannel;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Fetches over gRPC with one channel per server. At most {@value #MAX_CHANNELS} servers are
 * remembered; the one not used for longest goes first, since a teacher that was started again has
 * another port.
 */
public final class ChannelBatchSource implements BatchSource, AutoCloseable {
    static final int MAX_CHANNELS = 16;

    private final MeshSecurity security;
    private final Duration deadline;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<String, ManagedChannel> channels = new LinkedHashMap<>(16, 0.75f, true);

    @GuardedBy("lock")
    private boolean closed;

    /**
     * Opens nothing yet.
     *
     * @param security of this process; borrowed
     * @param deadline of one fetch
     */
    public ChannelBatchSource(MeshSecurity security, Duration deadline) {
        this.security = security;
        this.deadline = deadline;
    }

    @Override
    public Map<String, Tensor> fetch(
            String address,
            FetchBatchRequest request,
            long maxBytes,
            IntFunction<ByteBuffer> allocator) {
        return BatchFetcher.fetch(channel(address), request, maxBytes, deadline, allocator);
    }

    /** Cuts every call. */
    @Override
    public void close() {
        List<ManagedChannel> open;
        synchronized (lock) {
            closed = true;
            open = new ArrayList<>(channels.values());
            channels.clear();
        }
        open.forEach(ChannelBatchSource::cut);
    }

    private ManagedChannel channel(String address) {
        ManagedChannel oldest = null;
        ManagedChannel channel;
        synchronized (lock) {
            if (closed) {
                throw new MeshException(ErrorReason.CANCELLED, "worker is stopping");
            }
            channel = channels.get(address);
            if (channel == null) {
                channel =
                        MeshChannels.open(
                                "student-fetch",
                                address,
                                security,
                                MeshRole.TEACHER,
                                MeshRole.COORDINATOR);
                channels.put(address, channel);
                oldest = dropOldest();
            }
        }
        if (oldest != null) {
            cut(oldest);
        }
        return channel;
    }

    @GuardedBy("lock")
    private @Nullable ManagedChannel dropOldest() {
        if (channels.size() <= MAX_CHANNELS) {
            return null;
        }
        Iterator<ManagedChannel> inOrderOfUse = channels.values().iterator();
        ManagedChannel oldest = inOrderOfUse.next();
        inOrderOfUse.remove();
        return oldest;
    }

    private static void cut(ManagedChannel channel) {
        channel.shutdownNow();
        MeshChannels.close(channel, Duration.ofSeconds(1));
    }
}
