package io.abmesh.student.exchange;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.PacedWriter;
import io.abmesh.proto.v1.ExchangeOpen;
import io.abmesh.proto.v1.ExchangeRequest;
import io.abmesh.proto.v1.ExchangeResponse;
import io.abmesh.proto.v1.ExchangeServiceGrpc;
import io.grpc.Channel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The stream to one peer of an epoch. Lasts as long as the epoch, which ends when a part does not
 * come in time, and so has no deadline of its own.
 */
final class PeerStream implements ClientResponseObserver<ExchangeRequest, ExchangeResponse> {
    private final int index;
    private final String peer;
    private final EpochInbox inbox;
    private final PacedWriter<ExchangeRequest> writer;
    private volatile boolean closing;

    private PeerStream(int index, String peer, EpochInbox inbox, Duration stallTimeout) {
        this.index = index;
        this.peer = peer;
        this.inbox = inbox;
        this.writer = new PacedWriter<>(stallTimeout);
    }

    /** Opens a stream to whom {@code open} names; its end is told to the inbox. */
    static PeerStream open(
            Channel channel, String peer, ExchangeOpen open, EpochInbox inbox, Duration stall) {
        PeerStream stream = new PeerStream(open.getToIndex(), peer, inbox, stall);
        ExchangeServiceGrpc.newStub(channel).exchange(stream);
        stream.writer.tryWrite(ExchangeRequest.newBuilder().setOpen(open).build());
        return stream;
    }

    /** Writes when the peer reads. */
    void write(ExchangeRequest message) throws InterruptedException {
        writer.write(message);
    }

    /** Leaves the epoch. */
    void close() {
        closing = true;
        writer.complete();
    }

    boolean closing() {
        return closing;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ExchangeRequest> call) {
        writer.attach(call);
    }

    @Override
    public void onNext(ExchangeResponse response) {
        // The peer has taken everything.
    }

    @Override
    public void onError(Throwable cause) {
        over(cause);
    }

    @Override
    public void onCompleted() {
        over(null);
    }

    private void over(@Nullable Throwable cause) {
        if (!closing) {
            MeshException named =
                    cause == null
                            ? new MeshException(ErrorReason.TRANSPORT_UNAVAILABLE, "it has left")
                            : ErrorStatuses.fromServer(cause);
            lost(named); // before a writer can tell of the closed stream: the first reason counts
        }
        writer.closed(cause);
    }

    /** Says that the peer cannot be written to, and so will not go on. */
    void lost(MeshException reason) {
        inbox.lost(
                index,
                new MeshException(reason.reason(), "student " + peer + ": " + reason.getMessage()));
    }
}
