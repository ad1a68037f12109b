package io.abmesh.proto.error;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.BindableService;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.InputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Sees to it that every error of a server carries a reason. A {@link MeshException}, thrown by a
 * service method or given to {@code onError}, becomes its status. Bytes that are no message of a
 * {@linkplain #unparsed service} are an INVALID_REQUEST. Anything unnamed becomes INTERNAL: its
 * message is replaced by an id under which the stack is logged, once. That holds for an {@link
 * Error} too: gRPC closes the call of one, but leaves what it queued behind for nobody to run, the
 * end of the call among it, and who waits for that end keeps what it holds. Messages that come
 * after the call was closed are dropped, and writers of several threads are put in order.
 */
public final class ErrorInterceptor implements ServerInterceptor {
    private static final Logger LOG = System.getLogger(ErrorInterceptor.class.getName());
    private static final Metadata.Key<byte[]> DETAILS =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

    /**
     * Returns a service whose messages are parsed behind this interceptor. Where gRPC parses them
     * itself, before any interceptor, it closes a call that it cannot parse without a reason.
     */
    public static ServerServiceDefinition unparsed(BindableService service) {
        return ServerInterceptors.useMarshalledMessages(service.bindService(), new Bytes());
    }

    /** Leaves messages as they are on the wire. */
    private static final class Bytes implements MethodDescriptor.Marshaller<InputStream> {
        @Override
        public InputStream stream(InputStream message) {
            return message;
        }

        @Override
        public InputStream parse(InputStream message) {
            return message;
        }
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        NamingCall<Q, A> naming = new NamingCall<>(call);
        try {
            return new NamingListener<>(next.startCall(naming, headers), naming);
        } catch (RuntimeException | Error e) {
            naming.fail(e);
            return new ServerCall.Listener<>() {};
        }
    }

    private static final class NamingCall<Q, A> extends SimpleForwardingServerCall<Q, A> {
        private final Object lock = new Object();

        @GuardedBy("lock")
        private boolean closed;

        NamingCall(ServerCall<Q, A> delegate) {
            super(delegate);
        }

        @Override
        public void sendHeaders(Metadata headers) {
            synchronized (lock) {
                if (!closed) {
                    super.sendHeaders(headers);
                }
            }
        }

        @Override
        public void sendMessage(A message) {
            synchronized (lock) {
                if (!closed) {
                    super.sendMessage(message);
                }
            }
        }

        @Override
        public void close(Status status, Metadata trailers) {
            synchronized (lock) {
                if (closed) {
                    return;
                }
                closed = true;
                if (status.isOk() || trailers.containsKey(DETAILS)) {
                    super.close(status, trailers);
                    return;
                }
                Throwable cause = status.getCause();
                if (cause instanceof MeshException
                        || cause instanceof InvalidProtocolBufferException
                        || status.getCode() == Status.Code.UNKNOWN) {
                    StatusRuntimeException named = name(cause, status);
                    super.close(named.getStatus(), trailersOf(named));
                } else {
                    super.close(status, trailers);
                }
            }
        }

        void fail(Throwable cause) {
            if (cause instanceof StatusRuntimeException failure) {
                close(failure.getStatus(), trailersOf(failure));
            } else {
                close(Status.UNKNOWN.withCause(cause), new Metadata());
            }
        }

        private StatusRuntimeException name(@Nullable Throwable cause, Status status) {
            if (cause instanceof MeshException failure) {
                if (failure.reason().code() == Status.Code.INTERNAL) {
                    LOG.log(Level.ERROR, "Call failed method=" + method(), failure);
                }
                return StatusProto.toStatusRuntimeException(ErrorStatuses.toStatus(failure));
            }
            if (cause instanceof InvalidProtocolBufferException) {
                return ErrorStatuses.toException(
                        new MeshException(
                                ErrorReason.INVALID_REQUEST,
                                "message cannot be read: " + cause.getMessage()));
            }
            String id = UUID.randomUUID().toString();
            LOG.log(
                    Level.ERROR,
                    "Call failed for an unnamed reason id=" + id + " method=" + method(),
                    cause == null ? status.asRuntimeException() : cause);
            return ErrorStatuses.toException(
                    new MeshException(
                            ErrorReason.INTERNAL, "internal error: id=" + id, Map.of("id", id)));
        }

        private String method() {
            return getMethodDescriptor().getFullMethodName();
        }

        private static Metadata trailersOf(StatusRuntimeException failure) {
            Metadata trailers = failure.getTrailers();
            return trailers == null ? new Metadata() : trailers;
        }
    }

    private static final class NamingListener<Q> extends SimpleForwardingServerCallListener<Q> {
        private final NamingCall<Q, ?> call;

        NamingListener(ServerCall.Listener<Q> delegate, NamingCall<Q, ?> call) {
            super(delegate);
            this.call = call;
        }

        @Override
        public void onMessage(Q message) {
            guard(() -> super.onMessage(message));
        }

        @Override
        public void onHalfClose() {
            guard(super::onHalfClose);
        }

        @Override
        public void onCancel() {
            guard(super::onCancel);
        }

        @Override
        public void onComplete() {
            guard(super::onComplete);
        }

        @Override
        public void onReady() {
            guard(super::onReady);
        }

        private void guard(Runnable callback) {
            try {
                callback.run();
            } catch (RuntimeException | Error e) {
                call.fail(e);
            }
        }
    }
}
