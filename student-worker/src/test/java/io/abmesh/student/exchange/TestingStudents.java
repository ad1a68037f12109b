package io.abmesh.student.exchange;

import io.abmesh.nn.training.GradientSum;
import io.abmesh.nn.training.MicroOutcome;
import io.abmesh.nn.training.ReductionTree.Subtree;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.RosterMember;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Students of one epoch over loopback, each with a server and a compute thread of its own, whose
 * gradients are noise: a function of step and micro-batch.
 */
final class TestingStudents implements AutoCloseable {
    static final String RUN = "run-1";
    static final int STATISTICS = 5;
    static final ExchangeSettings SETTINGS =
            new ExchangeSettings(
                    Duration.ofSeconds(20),
                    Duration.ofSeconds(20),
                    Duration.ofSeconds(20),
                    64 << 20);

    private final List<StudentExchanges> exchanges = new ArrayList<>();
    private final List<MeshServer> servers = new ArrayList<>();
    private final List<TestingProxy> proxies = new ArrayList<>();
    private final List<ResponseSender> senders = new ArrayList<>();
    private final List<ExecutorService> threads = new ArrayList<>();

    TestingStudents(int count) {
        for (int i = 0; i < count; i++) {
            StudentExchanges one = new StudentExchanges(MeshSecurity.plainText(), SETTINGS);
            ResponseSender sender = new ResponseSender("student-" + i, Duration.ofSeconds(20));
            exchanges.add(one);
            senders.add(sender);
            servers.add(
                    MeshServer.start(
                            "student-" + i,
                            "127.0.0.1",
                            0,
                            2,
                            List.of(new ExchangeGrpcService(one, sender))));
            threads.add(Executors.newSingleThreadExecutor());
        }
    }

    StudentExchanges exchanges(int index) {
        return exchanges.get(index);
    }

    String address(int index) {
        return index < proxies.size() ? proxies.get(index).address() : servers.get(index).address();
    }

    /** Puts a network of its own before every student; peers see its address. */
    List<TestingProxy> proxies() {
        for (MeshServer server : servers) {
            proxies.add(new TestingProxy(server.address()));
        }
        return proxies;
    }

    ExecutorService thread(int index) {
        return threads.get(index);
    }

    Roster roster(long epoch, int ownIndex, int microBatches) {
        int count = servers.size();
        List<RosterMember> members = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            members.add(
                    RosterMember.newBuilder()
                            .setWorkerId("student-" + i)
                            .setAddress(address(i))
                            .setFirstMicroBatch(i * microBatches / count)
                            .setEndMicroBatch((i + 1) * microBatches / count)
                            .build());
        }
        return new Roster(RUN, epoch, members, ownIndex, microBatches, 0, "state");
    }

    /** Runs steps on every student at once and returns each one's totals, copied. */
    List<List<float[]>> train(long epoch, int microBatches, int length, long... steps) {
        List<CompletableFuture<List<float[]>>> results = new ArrayList<>();
        for (int i = 0; i < servers.size(); i++) {
            int own = i;
            results.add(
                    CompletableFuture.supplyAsync(
                            () -> {
                                Roster roster = roster(epoch, own, microBatches);
                                GradientExchange exchange =
                                        exchanges.get(own).join(roster, length, STATISTICS);
                                List<float[]> totals = new ArrayList<>();
                                for (long step : steps) {
                                    totals.add(step(exchange, roster, step, length));
                                }
                                return totals;
                            },
                            threads.get(i)));
        }
        return results.stream().map(CompletableFuture::join).toList();
    }

    /** Computes the own part of a step and returns its total, with the statistics behind it. */
    static float[] step(GradientExchange exchange, Roster roster, long step, int length) {
        try {
            give(exchange, roster, step, length);
            StepTotal total = exchange.finish();
            float[] all = new float[length + roster.microBatches() * STATISTICS];
            System.arraycopy(total.gradient(), 0, all, 0, length);
            for (MeasuredMicroBatch measured : total.microBatches()) {
                System.arraycopy(
                        measured.statistics(),
                        0,
                        all,
                        length + measured.index() * STATISTICS,
                        STATISTICS);
            }
            return all;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    static void give(GradientExchange exchange, Roster roster, long step, int length) {
        exchange.begin(step);
        GradientSum sum = new GradientSum(length);
        int first = roster.own().getFirstMicroBatch();
        sum.begin(roster.tree(), first);
        for (int micro = first; micro < roster.own().getEndMicroBatch(); micro++) {
            float[] gradient = sum.next();
            fill(gradient, step * 1000 + micro);
            float[] statistics = new float[STATISTICS];
            fill(statistics, step * 2000 + micro);
            sum.add(gradient);
            exchange.measured(
                    new MeasuredMicroBatch(
                            micro, new MicroOutcome(micro, List.of(1.0), List.of()), statistics));
        }
        for (Map.Entry<Subtree, float[]> part : sum.sums().entrySet()) {
            exchange.summed(part.getKey(), part.getValue());
        }
    }

    /** The total of a student that is alone. */
    static float[] alone(int microBatches, int length, long step) {
        Roster roster =
                new Roster(
                        RUN,
                        1,
                        List.of(RosterMember.newBuilder().setEndMicroBatch(microBatches).build()),
                        0,
                        microBatches,
                        0,
                        "state");
        return step(new LocalExchange(microBatches), roster, step, length);
    }

    private static void fill(float[] values, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
    }

    @Override
    public void close() {
        exchanges.forEach(StudentExchanges::close);
        proxies.forEach(TestingProxy::close);
        servers.forEach(server -> server.stop(Duration.ZERO));
        senders.forEach(ResponseSender::close);
        threads.forEach(ExecutorService::shutdownNow);
    }
}
