package io.abmesh.student.exchange;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.ExchangeOpen;
import io.abmesh.proto.v1.ExchangeRequest;
import io.abmesh.proto.v1.ExchangeResponse;
import io.abmesh.proto.v1.ExchangeServiceGrpc;
import io.abmesh.proto.v1.FetchStateRequest;
import io.abmesh.proto.v1.FetchStateResponse;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The end of this student where others send what they computed, and copy its state. */
public final class ExchangeGrpcService extends ExchangeServiceGrpc.ExchangeServiceImplBase {
    private final StudentExchanges exchanges;
    private final ResponseSender sender;

    /**
     * Makes the service.
     *
     * @param sender writes states only while the peer reads; borrowed
     */
    public ExchangeGrpcService(StudentExchanges exchanges, ResponseSender sender) {
        this.exchanges = exchanges;
        this.sender = sender;
    }

    @Override
    public StreamObserver<ExchangeRequest> exchange(StreamObserver<ExchangeResponse> responses) {
        ServerCallStreamObserver<ExchangeResponse> call =
                (ServerCallStreamObserver<ExchangeResponse>) responses;
        Stream stream = new Stream(call);
        call.setOnCancelHandler(() -> stream.ended("it is gone"));
        call.disableAutoRequest();
        call.request(1);
        return stream;
    }

    @Override
    public void fetchState(FetchStateRequest request, StreamObserver<FetchStateResponse> observer) {
        Map<String, StoredTensor> state =
                exchanges
                        .state(request)
                        .orElseThrow(
                                () ->
                                        new MeshException(
                                                ErrorReason.STALE_EPOCH,
                                                "state of that epoch is not here: found="
                                                        + request.getEpoch()));
        sender.send(observer, new Frames(state), () -> {});
    }

    /** A stream of one peer. */
    private final class Stream
            implements StreamObserver<ExchangeRequest>, StudentExchanges.IncomingStream {
        private final ServerCallStreamObserver<ExchangeResponse> call;
        private final Object lock = new Object();
        private volatile @Nullable ExchangeOpen open;
        private volatile @Nullable EpochInbox inbox;
        private boolean over;

        Stream(ServerCallStreamObserver<ExchangeResponse> call) {
            this.call = call;
        }

        @Override
        public void onNext(ExchangeRequest message) {
            ExchangeOpen known = open;
            if (known == null) {
                if (!message.hasOpen()) {
                    throw new MeshException(
                            ErrorReason.STREAM_PROTOCOL,
                            "exchange starts with another message: found="
                                    + message.getMessageCase()
                                    + ", expected=open");
                }
                open = message.getOpen();
                exchanges.arrived(message.getOpen(), this);
                return;
            }
            EpochInbox to = inbox;
            if (to != null) {
                try {
                    to.accept(known.getFromIndex(), message);
                } catch (MeshException e) {
                    refuse(e);
                    return;
                }
                call.request(1);
            }
        }

        @Override
        public void admit(EpochInbox to) {
            inbox = to;
            call.request(1);
        }

        @Override
        public void refuse(MeshException reason) {
            synchronized (lock) {
                if (!over && !call.isCancelled()) {
                    over = true;
                    call.onError(ErrorStatuses.toException(reason));
                }
            }
        }

        @Override
        public void onError(Throwable cause) {
            ended(String.valueOf(ErrorStatuses.fromThrowable(cause).getMessage()));
        }

        @Override
        public void onCompleted() {
            ended("it has left the epoch");
            synchronized (lock) {
                if (!over && !call.isCancelled()) {
                    over = true;
                    call.onNext(ExchangeResponse.getDefaultInstance());
                    call.onCompleted();
                }
            }
        }

        void ended(String why) {
            exchanges.ended(this);
            EpochInbox to = inbox;
            ExchangeOpen known = open;
            if (to != null && known != null) {
                to.lost(
                        known.getFromIndex(),
                        new MeshException(
                                ErrorReason.TRANSPORT_UNAVAILABLE,
                                "student " + known.getFromIndex() + " of the roster: " + why));
            }
        }
    }

    /** A state in frames. */
    private static final class Frames implements Iterator<FetchStateResponse> {
        private final Iterator<Map.Entry<String, StoredTensor>> tensors;
        private Iterator<TensorFrame> frames = Collections.emptyIterator();

        Frames(Map<String, StoredTensor> state) {
            this.tensors = state.entrySet().iterator();
        }

        @Override
        public boolean hasNext() {
            return frames.hasNext() || tensors.hasNext();
        }

        @Override
        public FetchStateResponse next() {
            if (!frames.hasNext()) {
                Map.Entry<String, StoredTensor> tensor = tensors.next();
                frames =
                        TensorFrames.split(
                                "state",
                                TensorFrames.describe(
                                        tensor.getKey(),
                                        tensor.getValue().shape(),
                                        Encoding.ENCODING_FLOAT32),
                                tensor.getValue().bytes());
            }
            return FetchStateResponse.newBuilder().setFrame(frames.next()).build();
        }
    }
}
