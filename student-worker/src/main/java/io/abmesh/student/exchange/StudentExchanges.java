package io.abmesh.student.exchange;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.frame.TensorAssembler;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.PeerChannels;
import io.abmesh.proto.v1.ExchangeOpen;
import io.abmesh.proto.v1.ExchangeServiceGrpc;
import io.abmesh.proto.v1.FetchStateRequest;
import io.abmesh.proto.v1.FetchStateResponse;
import io.abmesh.proto.v1.RosterMember;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.StatusRuntimeException;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * This student's part in epochs, one after the other: the exchange of the current one, the state
 * that others may copy, and the streams that peers open here, of which those of a later epoch wait
 * until it is joined. Thread-safe.
 */
public final class StudentExchanges implements AutoCloseable {
    /** Streams of epochs that are not joined yet, at most: {@value}. */
    static final int MAX_EARLY = 256;

    /** How long a peer may take to read what is left for it. */
    static final Duration DEPART = Duration.ofSeconds(1);

    private static final Logger LOG = Logger.getLogger(StudentExchanges.class);
    private static final Duration AGAIN = Duration.ofMillis(50);

    /** A stream that a peer has opened. */
    interface IncomingStream {
        /** Begins to read; what comes goes to the inbox. */
        void admit(EpochInbox inbox);

        /** Ends it. */
        void refuse(MeshException reason);
    }

    private record Early(ExchangeOpen open, IncomingStream stream) {}

    private final ExchangeSettings settings;
    private final PeerChannels channels;
    private final ExecutorService sender =
            Executors.newSingleThreadExecutor(new DefaultThreadFactory("student-exchange", true));
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final List<Early> early = new ArrayList<>();

    @GuardedBy("lock")
    private final List<IncomingStream> admitted = new ArrayList<>();

    /** Epochs before it are over. */
    @GuardedBy("lock")
    private long first;

    @GuardedBy("lock")
    private @Nullable Roster roster;

    /** Of the roster; null if it has one member. */
    @GuardedBy("lock")
    private @Nullable EpochInbox inbox;

    @GuardedBy("lock")
    private @Nullable GradientExchange exchange;

    @GuardedBy("lock")
    private Map<String, StoredTensor> state = Map.of();

    @GuardedBy("lock")
    private @Nullable CancellableContext fetching;

    @GuardedBy("lock")
    private boolean closed;

    /**
     * Takes part in nothing yet.
     *
     * @param security of this process; borrowed
     */
    public StudentExchanges(MeshSecurity security, ExchangeSettings settings) {
        this.channels = new PeerChannels("student-exchange", security, MeshRole.STUDENT);
        this.settings = settings;
    }

    /**
     * Joins an epoch; the one before is over.
     *
     * @param gradientLength elements of a gradient
     * @param statisticsLength running statistics of the student
     * @throws MeshException CANCELLED if the epoch is over already
     */
    public GradientExchange join(Roster next, int gradientLength, int statisticsLength) {
        // Who is alone gets nothing, and its boxes would hold two whole gradients.
        EpochInbox inbound =
                next.members().size() == 1
                        ? null
                        : new EpochInbox(next, gradientLength, statisticsLength);
        List<Early> waiting;
        synchronized (lock) {
            leave();
            if (next.epoch() < first) {
                throw over();
            }
            roster = next;
            inbox = inbound;
            waiting = List.copyOf(early);
            early.clear();
        }
        channels.retain(next.members().stream().map(RosterMember::getAddress).toList());
        GradientExchange joined =
                inbound == null ? new LocalExchange(next.microBatches()) : streams(next, inbound);
        synchronized (lock) {
            if (next.equals(roster)) {
                exchange = joined;
            } else {
                joined.close();
            }
        }
        waiting.forEach(one -> arrived(one.open(), one.stream()));
        return joined;
    }

    private GradientExchange streams(Roster of, EpochInbox inbound) {
        return new StreamExchange(
                of, inbound, sender, index -> open(of, index, inbound), settings.partTimeout());
    }

    private PeerStream open(Roster of, int index, EpochInbox inbound) {
        RosterMember peer = of.members().get(index);
        return PeerStream.open(
                channels.to(peer.getAddress()),
                peer.getWorkerId(),
                ExchangeOpen.newBuilder()
                        .setRunId(of.runId())
                        .setEpoch(of.epoch())
                        .setFromIndex(of.ownIndex())
                        .setToIndex(index)
                        .setGradientCount(inbound.gradientLength())
                        .build(),
                inbound,
                settings.stallTimeout());
    }

    /**
     * Ends the epoch in hand and every one before that one: whoever waits in one gets CANCELLED. A
     * coordinator that lost its state counts from the beginning, so it may be a lower number than
     * the last.
     */
    public void retire(long before) {
        synchronized (lock) {
            if (!closed) {
                first = before;
            }
            leave();
        }
    }

    /** Sends what is still to be sent, for as long as {@link #DEPART}, and ends the epoch. */
    public void depart() {
        try {
            sender.submit(() -> {}).get(DEPART.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException | RejectedExecutionException e) {
            LOG.debugf("Leaves with something unsent: %s", e);
        }
        abandon();
    }

    /** Ends the epoch in hand: whoever waits in it, or copies its state, gets CANCELLED. */
    public void abandon() {
        synchronized (lock) {
            leave();
        }
    }

    @GuardedBy("lock")
    private void leave() {
        if (inbox != null) {
            inbox.fail(over());
        }
        if (exchange != null) {
            exchange.close();
        }
        MeshException stale =
                new MeshException(ErrorReason.STALE_EPOCH, "the membership epoch is over");
        admitted.forEach(stream -> stream.refuse(stale));
        admitted.clear();
        inbox = null;
        exchange = null;
        roster = null;
        state = Map.of();
        if (fetching != null) {
            fetching.cancel(null);
        }
        lock.notifyAll();
    }

    /** Lets the others of the epoch copy a state, until the epoch is over or {@link #moved}. */
    public void offer(Roster of, Map<String, StoredTensor> tensors) {
        synchronized (lock) {
            if (of.equals(roster)) {
                state = Map.copyOf(tensors);
            }
        }
    }

    /** Says that the state offered is no longer the current one, and that all have it. */
    public void moved() {
        synchronized (lock) {
            state = Map.of();
        }
    }

    /** Returns the state that the epoch's students may copy; nothing if there is none here. */
    Optional<Map<String, StoredTensor>> state(FetchStateRequest request) {
        synchronized (lock) {
            boolean same =
                    roster != null
                            && roster.epoch() == request.getEpoch()
                            && roster.runId().equals(request.getRunId());
            return same && !state.isEmpty() ? Optional.of(state) : Optional.empty();
        }
    }

    /**
     * Copies the leader's state. Tries again while the leader has not offered it yet.
     *
     * @param of what was joined last
     * @throws MeshException CANCELLED if the epoch is over; the leader's reason; what {@link
     *     TensorAssembler} finds
     * @throws InterruptedException if the thread is interrupted
     */
    public Map<String, StoredTensor> copy(Roster of) throws InterruptedException {
        CancellableContext context = Context.ROOT.withCancellation();
        synchronized (lock) {
            requireJoined(of);
            fetching = context;
        }
        try {
            return context.call(() -> fetch(of));
        } catch (RuntimeException | InterruptedException e) {
            synchronized (lock) {
                requireJoined(of);
            }
            throw e;
        } catch (Exception e) {
            throw ErrorStatuses.fromThrowable(e);
        } finally {
            synchronized (lock) {
                fetching = null;
            }
            context.cancel(null);
        }
    }

    private Map<String, StoredTensor> fetch(Roster of) throws InterruptedException {
        long end = System.nanoTime() + settings.stateDeadline().toNanos();
        while (true) {
            try {
                return fetchOnce(of);
            } catch (MeshException e) {
                if (e.reason() != ErrorReason.STALE_EPOCH || System.nanoTime() >= end) {
                    throw e;
                }
                // The leader has not joined yet.
                synchronized (lock) {
                    requireJoined(of);
                    lock.wait(AGAIN.toMillis());
                }
            }
        }
    }

    private Map<String, StoredTensor> fetchOnce(Roster of) throws InterruptedException {
        TensorAssembler assembler =
                new TensorAssembler("state", settings.stateBytes(), ByteBuffer::allocate);
        try {
            Iterator<FetchStateResponse> answer =
                    ExchangeServiceGrpc.newBlockingStub(
                                    channels.to(of.members().get(0).getAddress()))
                            .withDeadlineAfter(
                                    settings.stateDeadline().toNanos(), TimeUnit.NANOSECONDS)
                            .fetchState(
                                    FetchStateRequest.newBuilder()
                                            .setRunId(of.runId())
                                            .setEpoch(of.epoch())
                                            .build());
            while (answer.hasNext()) {
                assembler.add(answer.next().getFrame());
            }
            assembler.requireComplete();
        } catch (StatusRuntimeException e) {
            if (Thread.interrupted()) {
                throw new InterruptedException("while a state was copied");
            }
            throw ErrorStatuses.fromServer(e); // if the epoch is over, copy says so
        }
        Map<String, StoredTensor> copied = new HashMap<>();
        for (Tensor tensor : assembler.tensors().values()) {
            copied.put(
                    tensor.name(),
                    new StoredTensor(tensor.description().getShapeList(), tensor.bytes()));
        }
        return copied;
    }

    @GuardedBy("lock")
    private void requireJoined(Roster of) {
        if (!of.equals(roster)) {
            throw over();
        }
    }

    private static MeshException over() {
        return new MeshException(ErrorReason.CANCELLED, "the membership epoch is over");
    }

    /**
     * Takes a peer's stream.
     *
     * @throws MeshException STALE_EPOCH, STREAM_PROTOCOL
     */
    void arrived(ExchangeOpen open, IncomingStream stream) {
        EpochInbox inbound;
        synchronized (lock) {
            Roster current = roster;
            if (current == null || open.getEpoch() > current.epoch()) {
                if (open.getEpoch() < first || early.size() >= MAX_EARLY) {
                    stream.refuse(stale(open, first));
                } else {
                    early.add(new Early(open, stream));
                }
                return;
            }
            if (open.getEpoch() < current.epoch()) {
                stream.refuse(stale(open, current.epoch()));
                return;
            }
            inbound = inbox;
            if (inbound == null || !fits(open, current, inbound)) {
                stream.refuse(
                        new MeshException(
                                ErrorReason.STREAM_PROTOCOL,
                                "stream is not of this roster: found=" + open));
                return;
            }
            admitted.add(stream);
        }
        stream.admit(inbound);
    }

    private static boolean fits(ExchangeOpen open, Roster current, EpochInbox inbound) {
        return open.getRunId().equals(current.runId())
                && open.getToIndex() == current.ownIndex()
                && open.getFromIndex() >= 0
                && open.getFromIndex() < current.members().size()
                && open.getFromIndex() != current.ownIndex()
                && open.getGradientCount() == inbound.gradientLength();
    }

    private static MeshException stale(ExchangeOpen open, long expected) {
        return new MeshException(
                ErrorReason.STALE_EPOCH,
                "stream is of an older epoch: found=" + open.getEpoch() + ", expected=" + expected,
                Map.of(
                        "found",
                        Long.toString(open.getEpoch()),
                        "expected",
                        Long.toString(expected)));
    }

    /** Forgets a stream that has ended. */
    void ended(IncomingStream stream) {
        synchronized (lock) {
            admitted.remove(stream);
            early.removeIf(one -> one.stream().equals(stream));
        }
    }

    /** Leaves, and closes the channels. */
    @Override
    public void close() {
        synchronized (lock) {
            closed = true;
            first = Long.MAX_VALUE;
            leave();
            early.forEach(
                    one ->
                            one.stream()
                                    .refuse(
                                            new MeshException(
                                                    ErrorReason.DRAINING, "student is stopping")));
            early.clear();
        }
        sender.shutdownNow();
        channels.close();
    }
}
