package io.abmesh.proto.transport;

import io.abmesh.proto.error.ErrorInterceptor;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The gRPC server of a process: its services, {@code grpc.health.v1}, the shared {@link Limits},
 * errors by the catalogue. Health is NOT_SERVING until {@link #serving} and again from {@link
 * #stop} on. Threads are named {@code NAME-io-N} and {@code NAME-rpc-N}.
 */
public final class MeshServer implements AutoCloseable {
    /** How long {@link #close} waits for calls to end. */
    public static final Duration DEFAULT_GRACE = Duration.ofSeconds(5);

    private static final int IO_THREADS = 2;
    private static final Duration CUT_TIME = Duration.ofSeconds(2);

    private final Server server;
    private final String host;
    private final HealthStatusManager health;
    private final List<String> serviceNames;
    private final EventLoopGroup io;
    private final ExecutorService calls;
    private final AtomicBoolean stopped = new AtomicBoolean();

    private MeshServer(
            Server server,
            String host,
            HealthStatusManager health,
            List<String> serviceNames,
            EventLoopGroup io,
            ExecutorService calls) {
        this.server = server;
        this.host = host;
        this.health = health;
        this.serviceNames = serviceNames;
        this.io = io;
        this.calls = calls;
    }

    /** Starts to listen in plain text. */
    public static MeshServer start(
            String name,
            String host,
            int port,
            int threads,
            List<? extends BindableService> services) {
        return start(name, MeshSecurity.plainText(), host, port, threads, services);
    }

    /**
     * Starts to listen.
     *
     * @param name prefix of thread names
     * @param security borrowed
     * @param host interface to listen at, for example {@code 127.0.0.1}
     * @param port 0 for any free port
     * @param threads threads that run service methods, at least 1; a method that blocks holds one
     * @throws MeshException ADDRESS_UNAVAILABLE if the port is in use or the host is not of this
     *     machine; TLS_REQUIRED for a host that is not loopback, in plain text
     */
    public static MeshServer start(
            String name,
            MeshSecurity security,
            String host,
            int port,
            int threads,
            List<? extends BindableService> services) {
        security.require(host);
        EventLoopGroup io =
                new NioEventLoopGroup(IO_THREADS, new DefaultThreadFactory(name + "-io"));
        ExecutorService calls =
                Executors.newFixedThreadPool(threads, new DefaultThreadFactory(name + "-rpc"));
        HealthStatusManager health = new HealthStatusManager();
        List<String> names = new ArrayList<>();
        names.add(HealthStatusManager.SERVICE_NAME_ALL_SERVICES);
        NettyServerBuilder builder =
                NettyServerBuilder.forAddress(new InetSocketAddress(host, port), security.server())
                        .bossEventLoopGroup(io)
                        .workerEventLoopGroup(io)
                        .channelType(NioServerSocketChannel.class)
                        .executor(calls)
                        .maxInboundMessageSize(Limits.MAX_MESSAGE_BYTES)
                        .maxInboundMetadataSize(Limits.MAX_METADATA_BYTES)
                        .initialFlowControlWindow(Limits.FLOW_CONTROL_WINDOW_BYTES)
                        .maxConcurrentCallsPerConnection(Limits.MAX_CALLS_PER_CONNECTION)
                        .keepAliveTime(Limits.KEEPALIVE_TIME.toSeconds(), TimeUnit.SECONDS)
                        .keepAliveTimeout(Limits.KEEPALIVE_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                        // Half of what our own clients do, so that a late timer is no offence.
                        .permitKeepAliveTime(
                                Limits.KEEPALIVE_TIME.toSeconds() / 2, TimeUnit.SECONDS)
                        .permitKeepAliveWithoutCalls(true)
                        .addService(health.getHealthService());
        security.guards().forEach(builder::intercept);
        // The last is the outermost: it names what the others throw.
        builder.intercept(new ErrorInterceptor());
        for (BindableService service : services) {
            ServerServiceDefinition unparsed = ErrorInterceptor.unparsed(service);
            builder.addService(unparsed);
            names.add(unparsed.getServiceDescriptor().getName());
        }
        for (String service : names) {
            health.setStatus(service, ServingStatus.NOT_SERVING);
        }
        try {
            return new MeshServer(builder.build().start(), host, health, names, io, calls);
        } catch (IOException e) {
            var unused = io.shutdownGracefully(0, CUT_TIME.toMillis(), TimeUnit.MILLISECONDS);
            calls.shutdownNow();
            throw new MeshException(
                    ErrorReason.ADDRESS_UNAVAILABLE,
                    "cannot listen: address="
                            + HostPort.of(host, port)
                            + ", cause="
                            + rootMessage(e),
                    Map.of("address", HostPort.of(host, port)),
                    e);
        }
    }

    /** The port that it listens at. */
    public int port() {
        return server.getPort();
    }

    /** Where clients of this machine reach it, {@code host:port}. */
    public String address() {
        return HostPort.of(host, port());
    }

    /** Declares every service healthy. */
    public void serving() {
        for (String service : serviceNames) {
            health.setStatus(service, ServingStatus.SERVING);
        }
    }

    /**
     * Declares every service unhealthy, takes no new call, waits for the open ones and cuts those
     * that last longer. Does nothing the second time.
     */
    public void stop(Duration grace) {
        if (!stopped.compareAndSet(false, true)) {
            return;
        }
        health.enterTerminalState();
        server.shutdown();
        try {
            if (!server.awaitTermination(grace.toNanos(), TimeUnit.NANOSECONDS)) {
                server.shutdownNow();
                server.awaitTermination(CUT_TIME.toNanos(), TimeUnit.NANOSECONDS);
            }
        } catch (InterruptedException e) {
            server.shutdownNow();
            Thread.currentThread().interrupt();
        }
        calls.shutdown();
        var unused = io.shutdownGracefully(0, CUT_TIME.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Stops with a grace of five seconds. */
    @Override
    public void close() {
        stop(DEFAULT_GRACE);
    }

    private static String rootMessage(Throwable throwable) {
        Throwable root = throwable;
        for (Throwable cause = root.getCause(); cause != null; cause = root.getCause()) {
            root = cause;
        }
        return String.valueOf(root.getMessage());
    }
}
