package io.abmesh.coordinator.cluster.operator;

import com.fasterxml.jackson.databind.JsonNode;
import io.abmesh.coordinator.cluster.decision.MeshState;
import io.abmesh.coordinator.cluster.decision.TeacherRates;
import io.abmesh.coordinator.cluster.mesh.MeshProgress;
import io.abmesh.coordinator.cluster.mesh.MeshRuns;
import io.abmesh.coordinator.cluster.mesh.ResultCopy;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * Runs whose progress the test tells. It outlives the operator, as the coordinator's store does.
 */
final class TestingMeshRuns implements MeshRuns {
    private static final long STEPS = 100;

    private final Map<String, MeshProgress> runs = new ConcurrentHashMap<>();
    private final Map<String, ResultCopy> copies = new ConcurrentHashMap<>();
    private final Set<String> unreadable = ConcurrentHashMap.newKeySet();
    private volatile boolean dataGone;
    private volatile boolean full;
    private final Map<String, CountDownLatch> fetches = new ConcurrentHashMap<>();
    private final Set<String> fast = ConcurrentHashMap.newKeySet();
    private final AtomicInteger periods = new AtomicInteger();

    @Override
    public List<String> planProblems(JsonNode plan) {
        CountDownLatch fetched = fetches.get(plan.path("name").asText());
        if (fetched != null) {
            await(fetched);
        }
        if (dataGone) {
            return List.of("spec.plan.data.location: found=nothing, expected=a data set");
        }
        try {
            PlanReader.read(plan.toString(), List.of());
            return List.of();
        } catch (MeshException e) {
            return e.fieldViolations().stream()
                    .map(v -> "spec.plan." + v.field() + ": " + v.description())
                    .toList();
        }
    }

    @Override
    public void begin(String uid, JsonNode plan) {
        if (full) {
            throw new MeshException(ErrorReason.STORE_FULL, "no room", Map.of());
        }
        runs.putIfAbsent(uid, progress(MeshState.PENDING, true, "", -1, Optional.empty()));
    }

    @Override
    public void park(String uid) {
        runs.computeIfPresent(uid, (u, p) -> executing(p, false));
    }

    @Override
    public void unpark(String uid) {
        runs.computeIfPresent(uid, (u, p) -> executing(p, !p.state().terminal()));
    }

    @Override
    public void cancel(String uid) {
        runs.computeIfPresent(
                uid,
                (u, p) ->
                        p.state().terminal()
                                ? p
                                : progress(MeshState.CANCELLED, false, "", p.step(), p.rates()));
    }

    @Override
    public Set<String> executing() {
        periods.incrementAndGet();
        return runs.entrySet().stream()
                .filter(run -> run.getValue().executing())
                .map(Map.Entry::getKey)
                .collect(Collectors.toSet());
    }

    @Override
    public boolean delivers(String uid) {
        return copies.containsKey(uid);
    }

    @Override
    public MeshProgress progress(String uid) {
        if (unreadable.contains(uid)) {
            throw new MeshException(ErrorReason.STORE_FULL, "journal cannot be read", Map.of());
        }
        if (fast.contains(uid)) {
            step(uid, Math.min(STEPS - 1, runs.get(uid).step() + 1));
        }
        MeshProgress p = runs.getOrDefault(uid, MeshProgress.ABSENT);
        return new MeshProgress(
                p.state(),
                p.executing(),
                p.runId(),
                p.path(),
                p.failure(),
                p.step(),
                p.totalSteps(),
                p.remainingSeconds(),
                p.bestAccuracy(),
                p.agreement(),
                Optional.ofNullable(copies.get(uid)),
                p.rates());
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The data of a plan are fetched when the latch is opened. */
    CountDownLatch fetch(String plan) {
        CountDownLatch fetched = new CountDownLatch(1);
        fetches.put(plan, fetched);
        return fetched;
    }

    /** The data of every plan are gone. */
    void loseData() {
        dataGone = true;
    }

    /** The store has room for more runs, or has none. */
    void full(boolean now) {
        full = now;
    }

    /** The journal of the run cannot be read any more. */
    void breakJournal(String uid) {
        unreadable.add(uid);
    }

    /** The result has a copy in an object store, or is on its way there. */
    void deliver(String uid, ResultCopy copy) {
        copies.put(uid, copy);
    }

    /** The run has committed a step. */
    void step(String uid, long step) {
        runs.computeIfPresent(
                uid, (u, p) -> progress(MeshState.RUNNING, p.executing(), "", step, p.rates()));
    }

    /** The run commits a step between any two questions from now on. */
    void hurry(String uid) {
        fast.add(uid);
    }

    /** Returns how many periods an operator has begun, which asks each time what is executed. */
    int periods() {
        return periods.get();
    }

    /** The rates of the run were measured. */
    void rates(String uid, double demand, double perTeacher) {
        runs.computeIfPresent(
                uid,
                (u, p) ->
                        progress(
                                p.state(),
                                p.executing(),
                                p.failure(),
                                p.step(),
                                Optional.of(new TeacherRates(demand, perTeacher))));
    }

    /** The run has ended. */
    void end(String uid, MeshState state, String failure) {
        runs.computeIfPresent(uid, (u, p) -> progress(state, false, failure, p.step(), p.rates()));
    }

    private static MeshProgress executing(MeshProgress before, boolean executing) {
        return progress(before.state(), executing, before.failure(), before.step(), before.rates());
    }

    private static MeshProgress progress(
            MeshState state,
            boolean executing,
            String failure,
            long step,
            Optional<TeacherRates> rates) {
        return new MeshProgress(
                state,
                executing,
                "small-0badcafe",
                "/store/small-0badcafe",
                failure,
                step,
                STEPS,
                step < 0 ? Optional.empty() : Optional.of(STEPS - step - 1),
                step < 0 ? Optional.empty() : Optional.of(0.5),
                step < 0 ? Optional.empty() : Optional.of(0.875),
                Optional.empty(),
                rates);
    }
}
