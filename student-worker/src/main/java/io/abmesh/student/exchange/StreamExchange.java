package io.abmesh.student.exchange;

import io.abmesh.nn.training.ReductionTree;
import io.abmesh.nn.training.ReductionTree.Subtree;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ExchangeRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;

/**
 * Exchange over a gRPC stream to each other student of the epoch: reduce-scatter, then all-gather.
 * Frames are made and written by the executor's one thread, so that a micro-batch computes while
 * the sum before it is on its way.
 */
final class StreamExchange implements GradientExchange {
    private final Roster roster;
    private final EpochInbox inbox;
    private final ExecutorService sender;
    private final Duration timeout;
    private final ReductionTree tree;
    private final Map<Integer, PeerStream> peers = new HashMap<>();
    private final List<Integer> peerOrder = new ArrayList<>();
    private final Map<Subtree, float[]> own = new HashMap<>();
    private long step;

    /** Opens the stream to a peer of the epoch. */
    @FunctionalInterface
    interface Opener {
        /** Opens it. */
        PeerStream open(int index);
    }

    /**
     * Opens the streams.
     *
     * @param sender one thread, borrowed
     * @param timeout for a peer's part of a step
     */
    StreamExchange(
            Roster roster,
            EpochInbox inbox,
            ExecutorService sender,
            Opener opener,
            Duration timeout) {
        this.roster = roster;
        this.inbox = inbox;
        this.sender = sender;
        this.timeout = timeout;
        this.tree = roster.tree();
        int size = roster.members().size();
        // Each begins with its neighbour, so that not everybody sends to the same one.
        for (int distance = 1; distance < size; distance++) {
            int index = (roster.ownIndex() + distance) % size;
            peerOrder.add(index);
            peers.put(index, opener.open(index));
        }
    }

    @Override
    public void begin(long next) {
        step = next;
        own.clear();
        inbox.begin(next);
    }

    @Override
    public void measured(MeasuredMicroBatch microBatch) {
        inbox.addOwn(microBatch);
        ExchangeRequest report = ExchangeFrames.report(step, microBatch);
        peers.values().forEach(peer -> send(peer, () -> peer.write(report)));
    }

    @Override
    public void summed(Subtree part, float[] gradient) {
        own.put(part, gradient);
        for (int index : peerOrder) {
            sendSlice(index, part, false, gradient, roster.slice(index, inbox.gradientLength()));
        }
    }

    @Override
    public StepTotal finish() throws InterruptedException {
        Roster.Slice slice = roster.slice(roster.ownIndex(), inbox.gradientLength());
        StepBox box = inbox.await(StepBox::sumsComplete, timeout);
        float[] total =
                tree.total(
                        part -> {
                            float[] known = own.get(part);
                            return known == null
                                    ? box.sum(part)
                                    : Arrays.copyOfRange(known, slice.from(), slice.to());
                        });
        inbox.addOwnTotal(total);
        for (int index : peerOrder) {
            sendSlice(index, tree.root(), true, box.total(), slice);
        }
        StepBox complete = inbox.await(StepBox::complete, timeout);
        return new StepTotal(complete.total(), complete.reports());
    }

    @Override
    public void close() {
        peers.values().forEach(PeerStream::close);
    }

    private void sendSlice(
            int index, Subtree part, boolean total, float[] gradient, Roster.Slice slice) {
        PeerStream peer = peers.get(index);
        long of = step;
        if (peer == null) {
            throw new IllegalStateException("no stream to student " + index);
        }
        send(
                peer,
                () -> {
                    for (int from = slice.from(); from < slice.to(); ) {
                        int to = Math.min(slice.to(), from + ExchangeFrames.MAX_ELEMENTS);
                        peer.write(ExchangeFrames.frame(of, part, total, gradient, from, to));
                        from = to;
                    }
                });
    }

    @FunctionalInterface
    private interface Writing {
        void run() throws InterruptedException;
    }

    private void send(PeerStream peer, Writing writing) {
        sender.execute(
                () -> {
                    if (peer.closing()) {
                        return;
                    }
                    try {
                        writing.run();
                    } catch (MeshException e) {
                        peer.lost(e);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    } catch (RuntimeException e) {
                        inbox.fail(ErrorStatuses.fromThrowable(e));
                    }
                });
    }
}
