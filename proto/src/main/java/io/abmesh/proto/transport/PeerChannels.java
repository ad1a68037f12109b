package io.abmesh.proto.transport;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.identity.MeshRole;
import io.grpc.ChannelCredentials;
import io.grpc.ManagedChannel;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Channels to peers that come and go, with the shared {@link Limits}, one per address. They share
 * threads, {@code NAME-io-N} and {@code NAME-rpc-N}, however many peers there are. Thread-safe.
 */
public final class PeerChannels implements AutoCloseable {
    private static final int CALL_THREADS = 2;
    private static final Duration GRACE = Duration.ofMillis(200);

    private final MeshSecurity security;
    private final ChannelCredentials credentials;
    private final EventLoopGroup io;
    private final ExecutorService calls;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<String, ManagedChannel> channels = new HashMap<>();

    /** Opens nothing yet; channels will be in plain text. */
    public PeerChannels(String name) {
        this(name, MeshSecurity.plainText());
    }

    /**
     * Opens nothing yet.
     *
     * @param name prefix of thread names
     * @param security of this process; borrowed
     * @param peers roles of which each server must have one
     */
    public PeerChannels(String name, MeshSecurity security, MeshRole... peers) {
        this.security = security;
        this.credentials = security.channel(Set.of(peers));
        this.io = new NioEventLoopGroup(1, new DefaultThreadFactory(name + "-io", true));
        this.calls =
                Executors.newFixedThreadPool(
                        CALL_THREADS, new DefaultThreadFactory(name + "-rpc", true));
    }

    /**
     * Returns the channel to an address, {@code host:port}; it connects when it is first used.
     *
     * @throws io.abmesh.proto.error.MeshException TLS_REQUIRED for one that is not loopback, in
     *     plain text
     */
    public ManagedChannel to(String address) {
        MeshChannels.requireAllowed(security, address);
        synchronized (lock) {
            return channels.computeIfAbsent(
                    address, to -> MeshChannels.builder(to, credentials, io, calls).build());
        }
    }

    /** Closes the channels to all other addresses at once. */
    public void retain(Collection<String> addresses) {
        synchronized (lock) {
            channels.entrySet()
                    .removeIf(
                            entry -> {
                                boolean gone = !addresses.contains(entry.getKey());
                                if (gone) {
                                    entry.getValue().shutdownNow();
                                }
                                return gone;
                            });
        }
    }

    /** Closes every channel, and the threads. */
    @Override
    public void close() {
        synchronized (lock) {
            channels.values().forEach(channel -> MeshChannels.close(channel, GRACE));
            channels.clear();
        }
        calls.shutdown();
        var unused = io.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
