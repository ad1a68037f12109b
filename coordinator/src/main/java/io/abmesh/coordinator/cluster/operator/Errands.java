package io.abmesh.coordinator.cluster.operator;

import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * What may take minutes, done beside the thread that looks at runs: a plan's data may have to be
 * fetched first. {@value #THREADS} errands at a time, the others wait; of each run one at a time.
 * Used by the thread that looks.
 */
final class Errands implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Errands.class);
    private static final Duration CLOSE = Duration.ofSeconds(10);

    /** Errands at a time: {@value}. */
    static final int THREADS = 2;

    private record Errand(String what, CompletableFuture<List<String>> answer) {
        boolean underWay() {
            return !answer.isDone();
        }
    }

    private final Consumer<String> done;
    private final Map<String, Errand> errands = new HashMap<>();
    private final ExecutorService threads =
            Executors.newFixedThreadPool(
                    THREADS, new DefaultThreadFactory("coordinator-errands", true));

    /**
     * Makes errands.
     *
     * @param done told the name of a run whose errand is done, on a thread of this
     */
    Errands(Consumer<String> done) {
        this.done = done;
    }

    /**
     * Returns what came of an errand, once; empty while it is under way. If nobody began it, it is
     * begun, unless another of the run is under way.
     *
     * @param run name and uid
     * @param what it is; the same for the same
     * @throws RuntimeException what the errand threw, once too
     */
    Optional<List<String>> answer(ObjectMeta run, String what, Supplier<List<String>> errand) {
        Errand known = errands.get(run.getUid());
        if (known != null && known.underWay()) {
            return Optional.empty();
        }
        errands.remove(run.getUid());
        if (known != null && known.what().equals(what)) {
            return Optional.of(result(known));
        }
        return begin(run, what, errand);
    }

    private static List<String> result(Errand done) {
        try {
            return done.answer().join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException failure ? failure : e;
        }
    }

    private Optional<List<String>> begin(
            ObjectMeta run, String what, Supplier<List<String>> errand) {
        CompletableFuture<List<String>> answer = CompletableFuture.supplyAsync(errand, threads);
        errands.put(run.getUid(), new Errand(what, answer));
        String name = run.getName();
        var unused = answer.whenComplete((result, failure) -> done.accept(name));
        return Optional.empty();
    }

    /** Returns whether an errand of a run is under way. */
    boolean underWay(String uid, String what) {
        Errand known = errands.get(uid);
        return known != null && known.what().equals(what) && known.underWay();
    }

    /** Forgets a run that is gone. */
    void forget(String uid) {
        errands.remove(uid);
    }

    /** Interrupts what is under way. */
    @Override
    public void close() {
        threads.shutdownNow();
        try {
            if (!threads.awaitTermination(CLOSE.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warnf("Errand does not end waited=%s", CLOSE);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
