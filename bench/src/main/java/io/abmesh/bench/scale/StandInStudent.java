package io.abmesh.bench.scale;

import io.abmesh.nn.training.MicroOutcome;
import io.abmesh.nn.training.ReductionTree.Subtree;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.student.exchange.ExchangeGrpcService;
import io.abmesh.student.exchange.ExchangeSettings;
import io.abmesh.student.exchange.GradientExchange;
import io.abmesh.student.exchange.MeasuredMicroBatch;
import io.abmesh.student.exchange.Roster;
import io.abmesh.student.exchange.StepTotal;
import io.abmesh.student.exchange.StudentExchanges;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A student whose computation of a micro-batch is a pause of fixed length, during which the
 * processor is free for others, as if it computed on a machine of its own. Its gradients, their
 * exchange and the update are real.
 */
final class StandInStudent implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final float RATE = 1e-3f;

    private final StudentExchanges exchanges =
            new StudentExchanges(
                    MeshSecurity.plainText(),
                    new ExchangeSettings(PATIENCE, PATIENCE, PATIENCE, 1 << 30));
    private final ResponseSender sender = new ResponseSender("bench", PATIENCE);
    private final MeshServer server =
            MeshServer.start(
                    "bench",
                    "127.0.0.1",
                    0,
                    2,
                    List.of(new ExchangeGrpcService(exchanges, sender)));
    private final float[] gradient;
    private final float[] statistics;
    private final float[] parameters;

    /**
     * Begins to listen.
     *
     * @param gradient of every micro-batch; shared, not written
     * @param statistics of every micro-batch; shared, not written
     */
    StandInStudent(float[] gradient, float[] statistics) {
        this.gradient = gradient;
        this.statistics = statistics;
        this.parameters = new float[gradient.length];
    }

    RosterMember member(int first, int end) {
        return RosterMember.newBuilder()
                .setWorkerId(server.address())
                .setAddress(server.address())
                .setFirstMicroBatch(first)
                .setEndMicroBatch(end)
                .build();
    }

    GradientExchange join(Roster roster) {
        return exchanges.join(roster, gradient.length, statistics.length);
    }

    /** Trains a step. */
    void step(long step, Roster roster, GradientExchange exchange, Duration compute)
            throws InterruptedException {
        exchange.begin(step);
        int first = roster.own().getFirstMicroBatch();
        int end = roster.own().getEndMicroBatch();
        List<Subtree> parts = roster.tree().cover(first, end);
        int given = 0;
        long ready = System.nanoTime();
        for (int micro = first; micro < end; micro++) {
            ready += compute.toNanos();
            for (long left = ready - System.nanoTime();
                    left > 0;
                    left = ready - System.nanoTime()) {
                LockSupport.parkNanos(Math.min(left, TimeUnit.MILLISECONDS.toNanos(10)));
            }
            exchange.measured(
                    new MeasuredMicroBatch(
                            micro, new MicroOutcome(1, List.of(1.0), List.of()), statistics));
            if (parts.get(given).end() == micro + 1) {
                exchange.summed(parts.get(given), gradient);
                given++;
            }
        }
        StepTotal total = exchange.finish();
        for (int i = 0; i < parameters.length; i++) {
            parameters[i] -= RATE * total.gradient()[i];
        }
    }

    /** Returns the first parameter: the same on every student. */
    float parameter() {
        return parameters[0];
    }

    @Override
    public void close() {
        exchanges.close();
        server.stop(Duration.ZERO);
        sender.close();
    }
}
