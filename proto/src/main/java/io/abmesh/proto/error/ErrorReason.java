package io.abmesh.proto.error;

import io.grpc.Status;
import java.util.Optional;

/**
 * Every reason for which an abmesh service refuses or fails, with its gRPC code and what a client
 * may do about it. The constant's name is {@code ErrorInfo.reason} on the wire; clients branch on
 * it, never on the message.
 */
public enum ErrorReason {
    /** A plan has problems; all of them are in the error's field violations. */
    INVALID_PLAN(Status.Code.INVALID_ARGUMENT, Retry.NEVER),
    /** A request, other than a plan, has a field that cannot be. */
    INVALID_REQUEST(Status.Code.INVALID_ARGUMENT, Retry.NEVER),
    /**
     * Bytes, shape and encoding of a tensor do not belong together, or a shape is not the expected
     * one.
     */
    TENSOR_SIZE_MISMATCH(Status.Code.INVALID_ARGUMENT, Retry.NEVER),
    /** A student's tap and its teacher's tap differ in spatial size or cannot be connected. */
    TAP_SHAPE_MISMATCH(Status.Code.INVALID_ARGUMENT, Retry.NEVER),
    /** A frame is missing, repeated or at the wrong place. */
    FRAME_OUT_OF_ORDER(Status.Code.INVALID_ARGUMENT, Retry.NEVER),

    /** No run of that name. */
    RUN_NOT_FOUND(Status.Code.NOT_FOUND, Retry.NEVER),
    /** The run has no such file. */
    ARTIFACT_NOT_FOUND(Status.Code.NOT_FOUND, Retry.NEVER),
    /** The batch is unknown, released or expired. */
    BATCH_NOT_FOUND(Status.Code.NOT_FOUND, Retry.NEW_ASSIGNMENT),
    /** The batch has no such tensor. */
    TENSOR_NOT_FOUND(Status.Code.NOT_FOUND, Retry.NEVER),
    /** The model has no such tap. */
    TAP_NOT_FOUND(Status.Code.NOT_FOUND, Retry.NEVER),

    /** The teacher's digest is not the one that was asked for. */
    TEACHER_MODEL_MISMATCH(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),
    /** Two parts of different versions meet. */
    VERSION_MISMATCH(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),
    /** A model file is missing, corrupt, not trusted or of a kind that cannot be run. */
    MODEL_UNREADABLE(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),
    /** A data set is missing, truncated or corrupt. */
    DATASET_UNREADABLE(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),
    /** The teacher yields NaN or infinity: its boundary would be silently wrong. */
    TEACHER_NOT_FINITE(Status.Code.FAILED_PRECONDITION, Retry.NEVER),
    /** No neuron, or every neuron, of a teacher's tap fires: the tap has no boundary to learn. */
    TAP_WITHOUT_BOUNDARY(Status.Code.FAILED_PRECONDITION, Retry.NEVER),
    /** A micro-batch failed on several workers; the message names its samples. */
    BATCH_FAILED(Status.Code.FAILED_PRECONDITION, Retry.NEVER),
    /** The loss is NaN or infinite. */
    LOSS_NOT_FINITE(Status.Code.FAILED_PRECONDITION, Retry.NEVER),
    /** The exported student does not compute what the trained one does. */
    EXPORT_MISMATCH(Status.Code.FAILED_PRECONDITION, Retry.NEVER),
    /** A message came where the stream's rules do not allow it. */
    STREAM_PROTOCOL(Status.Code.FAILED_PRECONDITION, Retry.NEVER),
    /**
     * A server cannot listen at its address: the port is in use, or the host is not of this
     * machine.
     */
    ADDRESS_UNAVAILABLE(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),

    /**
     * The API server of the cluster refuses what the coordinator asks for; its message says why.
     */
    CLUSTER_REFUSED(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),

    /** A process' own certificate, key or authorities are missing, damaged or not valid now. */
    CERTIFICATE_UNUSABLE(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),

    /** Plain text would leave the machine. */
    TLS_REQUIRED(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),

    /** The caller's certificate is good, but names no part of a mesh. */
    CALLER_NOT_IDENTIFIED(Status.Code.UNAUTHENTICATED, Retry.AFTER_OPERATOR),
    /** The caller is known, and the service is not for its role or its run. */
    ROLE_NOT_ALLOWED(Status.Code.PERMISSION_DENIED, Retry.AFTER_OPERATOR),

    /** The object store refuses what it is asked for; its message says why. */
    OBJECTS_REFUSED(Status.Code.FAILED_PRECONDITION, Retry.AFTER_OPERATOR),

    /** A message belongs to an older membership epoch. */
    STALE_EPOCH(Status.Code.ABORTED, Retry.NEW_ASSIGNMENT),
    /** A peer did not read for as long as the stall timeout. */
    CLIENT_TOO_SLOW(Status.Code.ABORTED, Retry.NEW_STREAM),

    /** A client has more unreleased bytes under way than its credit. */
    CREDIT_EXCEEDED(Status.Code.RESOURCE_EXHAUSTED, Retry.NEVER),
    /** A message, or a tensor, is larger than the limit. */
    MESSAGE_TOO_LARGE(Status.Code.RESOURCE_EXHAUSTED, Retry.NEVER),
    /** The disk is full. */
    STORE_FULL(Status.Code.RESOURCE_EXHAUSTED, Retry.AFTER_OPERATOR),
    /** As many streams, or plans that wait to be checked, as there may be. */
    WORKER_OVERLOADED(Status.Code.RESOURCE_EXHAUSTED, Retry.AFTER_DELAY),

    /** Bytes are not those that were sent. */
    CHECKSUM_MISMATCH(Status.Code.DATA_LOSS, Retry.NEW_STREAM),
    /** A checkpoint file is damaged. */
    CHECKPOINT_CORRUPT(Status.Code.DATA_LOSS, Retry.NEVER),
    /** The journal of a run is damaged before its end. */
    JOURNAL_CORRUPT(Status.Code.DATA_LOSS, Retry.AFTER_OPERATOR),

    /** A batch could not be fetched from the server that should hold it. */
    BATCH_UNAVAILABLE(Status.Code.UNAVAILABLE, Retry.NEW_ASSIGNMENT),
    /** The API server of the cluster cannot be reached. */
    CLUSTER_UNAVAILABLE(Status.Code.UNAVAILABLE, Retry.BACKOFF),
    /**
     * No secure connection came about: an end does not trust the other's certificate, or one speaks
     * plain text. While certificates are rotated it passes.
     */
    PEER_NOT_TRUSTED(Status.Code.UNAVAILABLE, Retry.BACKOFF),
    /** The object store cannot be reached, or fails. */
    OBJECTS_UNAVAILABLE(Status.Code.UNAVAILABLE, Retry.BACKOFF),
    /** The server is about to stop. */
    DRAINING(Status.Code.UNAVAILABLE, Retry.BACKOFF),
    /** The peer cannot be reached, or the connection broke. */
    TRANSPORT_UNAVAILABLE(Status.Code.UNAVAILABLE, Retry.BACKOFF),
    /** No answer in time. */
    DEADLINE_EXCEEDED(Status.Code.DEADLINE_EXCEEDED, Retry.BACKOFF),
    /** The caller went away. */
    CANCELLED(Status.Code.CANCELLED, Retry.NEVER),

    /** The teacher's engine failed on a batch. */
    TEACHER_FAILED(Status.Code.INTERNAL, Retry.NEW_ASSIGNMENT),
    /** Anything unnamed: a defect. The message carries an id under which the server logged it. */
    INTERNAL(Status.Code.INTERNAL, Retry.NEVER);

    private final Status.Code code;
    private final Retry retry;

    ErrorReason(Status.Code code, Retry retry) {
        this.code = code;
        this.retry = retry;
    }

    /** The gRPC code that a status with this reason carries. */
    public Status.Code code() {
        return code;
    }

    /** What a client may do. */
    public Retry retry() {
        return retry;
    }

    /** Returns the reason of that name, or nothing for a name of a later version. */
    public static Optional<ErrorReason> byName(String name) {
        for (ErrorReason reason : values()) {
            if (reason.name().equals(name)) {
                return Optional.of(reason);
            }
        }
        return Optional.empty();
    }
}
