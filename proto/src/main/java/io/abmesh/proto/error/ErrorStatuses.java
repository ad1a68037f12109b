package io.abmesh.proto.error;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Turns a {@link MeshException} into a {@code google.rpc.Status} and back. The status carries an
 * {@code ErrorInfo} with the reason's name, the domain {@value #DOMAIN} and the metadata; a {@code
 * BadRequest} if the exception lists field violations; a {@code RetryInfo} if it has a delay.
 * Nothing is lost on the way but the cause.
 */
public final class ErrorStatuses {
    /** Domain of every {@code ErrorInfo}. */
    public static final String DOMAIN = "abmesh";

    private ErrorStatuses() {}

    /** Returns the status that names the failure. */
    public static com.google.rpc.Status toStatus(MeshException failure) {
        com.google.rpc.Status.Builder status =
                com.google.rpc.Status.newBuilder()
                        .setCode(failure.reason().code().value())
                        .setMessage(failure.getMessage())
                        .addDetails(
                                Any.pack(
                                        ErrorInfo.newBuilder()
                                                .setReason(failure.reason().name())
                                                .setDomain(DOMAIN)
                                                .putAllMetadata(failure.metadata())
                                                .build()));
        if (!failure.fieldViolations().isEmpty()) {
            BadRequest.Builder request = BadRequest.newBuilder();
            for (FieldViolation violation : failure.fieldViolations()) {
                request.addFieldViolations(
                        BadRequest.FieldViolation.newBuilder()
                                .setField(violation.field())
                                .setDescription(violation.description()));
            }
            status.addDetails(Any.pack(request.build()));
        }
        failure.retryDelay()
                .ifPresent(
                        delay ->
                                status.addDetails(
                                        Any.pack(
                                                RetryInfo.newBuilder()
                                                        .setRetryDelay(
                                                                Durations.fromNanos(
                                                                        delay.toNanos()))
                                                        .build())));
        return status.build();
    }

    /** Returns the exception that {@code StreamObserver.onError} takes. */
    public static StatusRuntimeException toException(MeshException failure) {
        return StatusProto.toStatusRuntimeException(toStatus(failure));
    }

    /**
     * Returns the failure that the status names. A reason that this version does not know, or none,
     * becomes the reason that fits the code: {@link ErrorReason#TRANSPORT_UNAVAILABLE}, {@link
     * ErrorReason#DEADLINE_EXCEEDED}, {@link ErrorReason#CANCELLED}, {@link
     * ErrorReason#MESSAGE_TOO_LARGE}, else {@link ErrorReason#INTERNAL}; the sender's word is then
     * in the metadata under {@code reason} and the code under {@code code}.
     */
    public static MeshException fromStatus(com.google.rpc.Status status) {
        Optional<ErrorInfo> info = detail(status, ErrorInfo.class);
        Optional<ErrorReason> reason =
                info.filter(found -> found.getDomain().equals(DOMAIN))
                        .flatMap(found -> ErrorReason.byName(found.getReason()));
        if (reason.isEmpty()) {
            String code = Status.fromCodeValue(status.getCode()).getCode().name();
            Map<String, String> metadata =
                    info.map(found -> Map.of("code", code, "reason", found.getReason()))
                            .orElse(Map.of("code", code));
            return new MeshException(ofCode(status.getCode()), status.getMessage(), metadata);
        }
        MeshException failure =
                new MeshException(
                        reason.get(),
                        status.getMessage(),
                        info.map(ErrorInfo::getMetadataMap).orElse(Map.of()));
        Optional<BadRequest> request = detail(status, BadRequest.class);
        if (request.isPresent()) {
            List<FieldViolation> violations = new ArrayList<>();
            for (BadRequest.FieldViolation violation : request.get().getFieldViolationsList()) {
                violations.add(
                        new FieldViolation(violation.getField(), violation.getDescription()));
            }
            failure = failure.withFieldViolations(violations);
        }
        Optional<RetryInfo> retry = detail(status, RetryInfo.class);
        if (retry.isPresent()) {
            failure =
                    failure.withRetryDelay(
                            Duration.ofNanos(Durations.toNanos(retry.get().getRetryDelay())));
        }
        return failure;
    }

    /**
     * Returns the failure behind any throwable: a status as {@link #fromStatus} reads it, anything
     * else as INTERNAL.
     */
    public static MeshException fromThrowable(Throwable throwable) {
        if (throwable instanceof MeshException failure) {
            return failure;
        }
        if (throwable instanceof StatusRuntimeException failure) {
            return fromGrpc(failure.getStatus(), failure.getTrailers());
        }
        if (throwable instanceof StatusException failure) {
            return fromGrpc(failure.getStatus(), failure.getTrailers());
        }
        return new MeshException(
                ErrorReason.INTERNAL, String.valueOf(throwable), Map.of(), throwable);
    }

    /**
     * Returns {@link #fromThrowable} of a call that nobody here has cancelled: {@link
     * ErrorReason#CANCELLED} is the server's end then, or that of something on the way to it, and
     * so {@link ErrorReason#TRANSPORT_UNAVAILABLE}.
     */
    public static MeshException fromServer(Throwable throwable) {
        MeshException found = fromThrowable(throwable);
        return found.reason() == ErrorReason.CANCELLED
                ? new MeshException(
                        ErrorReason.TRANSPORT_UNAVAILABLE,
                        "server cancelled the call: " + found.getMessage(),
                        Map.of(),
                        found)
                : found;
    }

    private static MeshException fromGrpc(Status status, @Nullable Metadata trailers) {
        if (status.getCause() instanceof MeshException failure) {
            return failure;
        }
        Optional<String> handshake = handshake(status.getCause());
        if (status.getCode() == Status.Code.UNAVAILABLE && handshake.isPresent()) {
            return new MeshException(
                    ErrorReason.PEER_NOT_TRUSTED,
                    "no secure connection: " + handshake.get(),
                    Map.of("cause", handshake.get()),
                    status.getCause());
        }
        return fromStatus(StatusProto.fromStatusAndTrailers(withCause(status), trailers));
    }

    /**
     * Of a connection that fails gRPC says no more than {@code io exception}; its cause says why.
     */
    private static Status withCause(Status status) {
        Throwable cause = status.getCause();
        return status.getCode() == Status.Code.UNAVAILABLE
                        && cause != null
                        && cause.getMessage() != null
                ? status.withDescription(
                        Objects.requireNonNullElse(status.getDescription(), "no connection")
                                + ": "
                                + cause.getMessage())
                : status;
    }

    /**
     * Returns what went wrong in TLS below a failure, in the words of whatever noticed it first.
     */
    private static Optional<String> handshake(@Nullable Throwable cause) {
        Optional<String> found = Optional.empty();
        for (Throwable one = cause; one != null; one = one.getCause()) {
            if (one instanceof SSLException || one instanceof GeneralSecurityException) {
                found = Optional.ofNullable(one.getMessage());
            }
        }
        return found;
    }

    private static ErrorReason ofCode(int code) {
        return switch (Status.fromCodeValue(code).getCode()) {
            case UNAVAILABLE -> ErrorReason.TRANSPORT_UNAVAILABLE;
            case DEADLINE_EXCEEDED -> ErrorReason.DEADLINE_EXCEEDED;
            case CANCELLED -> ErrorReason.CANCELLED;
            // gRPC itself raises it, without details, when a message exceeds the receiver's limit.
            case RESOURCE_EXHAUSTED -> ErrorReason.MESSAGE_TOO_LARGE;
            default -> ErrorReason.INTERNAL;
        };
    }

    private static <T extends Message> Optional<T> detail(
            com.google.rpc.Status status, Class<T> type) {
        for (Any any : status.getDetailsList()) {
            if (any.is(type)) {
                try {
                    return Optional.of(any.unpack(type));
                } catch (InvalidProtocolBufferException e) {
                    return Optional.empty(); // A detail that cannot be read says nothing.
                }
            }
        }
        return Optional.empty();
    }
}
