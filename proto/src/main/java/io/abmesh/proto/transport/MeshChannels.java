package io.abmesh.proto.transport;

import io.abmesh.proto.identity.MeshRole;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Opens channels with the shared {@link Limits}. Each channel has threads of its own, {@code
 * NAME-io-N} and {@code NAME-rpc-N}, which end with it.
 */
public final class MeshChannels {
    private static final int CALL_THREADS = 2;

    private MeshChannels() {}

    /** Returns a channel in plain text. */
    public static ManagedChannel open(String name, String address) {
        return open(name, address, MeshSecurity.plainText());
    }

    /**
     * Returns a channel that connects when it is first used. Keepalive pings run while calls are
     * open.
     *
     * @param name prefix of thread names
     * @param address {@code host:port}
     * @param security of this process; borrowed
     * @param peers roles of which the server must have one
     * @throws io.abmesh.proto.error.MeshException TLS_REQUIRED for an address that is not loopback,
     *     in plain text
     */
    public static ManagedChannel open(
            String name, String address, MeshSecurity security, MeshRole... peers) {
        requireAllowed(security, address);
        ChannelCredentials credentials = security.channel(Set.of(peers));
        EventLoopGroup io = new NioEventLoopGroup(1, new DefaultThreadFactory(name + "-io", true));
        ExecutorService calls =
                Executors.newFixedThreadPool(
                        CALL_THREADS, new DefaultThreadFactory(name + "-rpc", true));
        return new OwnedChannel(builder(address, credentials, io, calls).build(), io, calls);
    }

    /**
     * Checks that a server may be spoken to.
     *
     * @param address {@code host:port}
     * @throws io.abmesh.proto.error.MeshException TLS_REQUIRED
     */
    public static void requireAllowed(MeshSecurity security, String address) {
        security.require(address.substring(0, Math.max(0, address.lastIndexOf(':'))));
    }

    /** Returns a builder of channels that run on the caller's threads. */
    static NettyChannelBuilder builder(
            String address, ChannelCredentials credentials, EventLoopGroup io, Executor calls) {
        return NettyChannelBuilder.forTarget("dns:///" + address, credentials)
                .eventLoopGroup(io)
                .channelType(NioSocketChannel.class)
                .executor(calls)
                .intercept(new ReadyThreshold())
                .maxInboundMessageSize(Limits.MAX_MESSAGE_BYTES)
                .maxInboundMetadataSize(Limits.MAX_METADATA_BYTES)
                .initialFlowControlWindow(Limits.FLOW_CONTROL_WINDOW_BYTES)
                .keepAliveTime(Limits.KEEPALIVE_TIME.toSeconds(), TimeUnit.SECONDS)
                .keepAliveTimeout(Limits.KEEPALIVE_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    }

    /** Takes no new call, waits for the open ones, then cuts them. */
    public static void close(ManagedChannel channel, Duration grace) {
        channel.shutdown();
        try {
            if (!channel.awaitTermination(grace.toNanos(), TimeUnit.NANOSECONDS)) {
                channel.shutdownNow();
                channel.awaitTermination(1, TimeUnit.SECONDS);
            }
        } catch (InterruptedException e) {
            channel.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }

    private static final class ReadyThreshold implements ClientInterceptor {
        @Override
        public <Q, A> ClientCall<Q, A> interceptCall(
                MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            return next.newCall(method, options.withOnReadyThreshold(Limits.READY_THRESHOLD_BYTES));
        }
    }

    /** A channel that ends the threads made for it once it is terminated. */
    private static final class OwnedChannel extends ManagedChannel {
        private final ManagedChannel channel;
        private final EventLoopGroup io;
        private final ExecutorService calls;

        OwnedChannel(ManagedChannel channel, EventLoopGroup io, ExecutorService calls) {
            this.channel = channel;
            this.io = io;
            this.calls = calls;
        }

        @Override
        public ManagedChannel shutdown() {
            channel.shutdown();
            return this;
        }

        @Override
        public boolean isShutdown() {
            return channel.isShutdown();
        }

        @Override
        public boolean isTerminated() {
            return channel.isTerminated();
        }

        @Override
        public ManagedChannel shutdownNow() {
            channel.shutdownNow();
            return this;
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
            boolean terminated = channel.awaitTermination(timeout, unit);
            if (terminated) {
                calls.shutdown();
                var unused = io.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            }
            return terminated;
        }

        @Override
        public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
            return channel.newCall(method, options);
        }

        @Override
        public String authority() {
            return channel.authority();
        }

        @Override
        public void resetConnectBackoff() {
            channel.resetConnectBackoff();
        }

        @Override
        public io.grpc.ConnectivityState getState(boolean requestConnection) {
            return channel.getState(requestConnection);
        }
    }
}
