package io.abmesh.coordinator.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.util.Timestamps;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectException;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Delivery;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jboss.logging.Logger;

/**
 * Puts the results of ended runs into an object store, {@link RunFolder#RESULT} of each below
 * {@code LOCATION/RUN/}, on one thread beside the loop.
 *
 * <p>An attempt that fails is followed by another, after {@link #FIRST_PAUSE} and then twice as
 * long each time up to {@link #LONGEST_PAUSE}, for as long as the process lives; files that are
 * there already are not sent again. A file {@value #MARKER} in the run's folder says which end was
 * delivered where. So a coordinator that is killed in between begins again when it starts, and a
 * failed run that goes on is delivered again at its next end.
 */
public final class ResultDelivery implements AutoCloseable {
    /** Name of the marker: {@value}. */
    static final String MARKER = "delivery.json";

    private static final Logger LOG = Logger.getLogger(ResultDelivery.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(5);

    /** How long a delivery under way may take when the process stops. */
    private static final Duration CLOSE = Duration.ofSeconds(5);

    private final ObjectAddress location;
    private final ObjectStore store;
    private final Loop loop;
    private final Clock clock;
    private final ScheduledThreadPoolExecutor thread;

    /**
     * Makes a delivery that has nothing to do yet.
     *
     * @param location below which each run has a folder
     * @param store borrowed
     * @param loop owns the runs; borrowed
     */
    public ResultDelivery(ObjectAddress location, ObjectStore store, Loop loop, Clock clock) {
        this.location = location;
        this.store = store;
        this.loop = loop;
        this.clock = clock;
        this.thread =
                new ScheduledThreadPoolExecutor(1, task -> new Thread(task, "coordinator-results"));
        thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    /** One end of a run, whose result goes to one place. */
    private record Ended(RunRecord record, String time, ObjectAddress target) {
        RunFolder folder() {
            return record.folder();
        }
    }

    /** Delivers the result of a run that has ended, unless that was done; on the loop. */
    void deliver(RunRecord record) {
        Ended ended =
                new Ended(
                        record,
                        Timestamps.toString(record.snapshot().getEndTime()),
                        location.resolve(record.folder().runId()));
        boolean done = done(ended);
        tell(ended, delivery -> delivery.setDelivered(done));
        if (!done) {
            begin(ended, Duration.ZERO, FIRST_PAUSE);
        }
    }

    private static boolean done(Ended ended) {
        Path marker = ended.folder().file(MARKER);
        try {
            JsonNode last =
                    Files.exists(marker) ? JSON.readTree(marker.toFile()) : JSON.createObjectNode();
            return last.path("endTime").asText().equals(ended.time())
                    && last.path("location").asText().equals(ended.target().toString());
        } catch (IOException e) {
            LOG.warnf("Result is delivered again marker=%s cause=%s", marker, e);
            return false;
        }
    }

    private void begin(Ended ended, Duration delay, Duration pause) {
        try {
            var unused =
                    thread.schedule(
                            () -> ended.record().logContext().during(() -> attempt(ended, pause)),
                            delay.toMillis(),
                            TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debugf("Delivery dropped at stop run=%s", ended.folder().runId());
        }
    }

    private void attempt(Ended ended, Duration pause) {
        if (!current(ended)) {
            return; // the run went on; its next end is delivered
        }
        try {
            put(ended);
            LOG.infof(
                    "Result delivered run=%s location=%s", ended.folder().runId(), ended.target());
            loop.execute(() -> tell(ended, delivery -> delivery.setDelivered(true).clearFailure()));
        } catch (RuntimeException e) { // of a task that nobody waits for
            MeshException named = ErrorStatuses.fromThrowable(e);
            LOG.warnf(
                    "Result not delivered run=%s again=%s reason=%s cause=%s",
                    ended.folder().runId(), pause, named.reason(), named.getMessage());
            loop.execute(
                    () ->
                            tell(
                                    ended,
                                    delivery ->
                                            delivery.setFailure(ErrorStatuses.toStatus(named))));
            Duration next = pause.multipliedBy(2);
            begin(ended, pause, next.compareTo(LONGEST_PAUSE) < 0 ? next : LONGEST_PAUSE);
        }
    }

    /**
     * Puts every file and then the marker.
     *
     * @throws MeshException OBJECTS_REFUSED, OBJECTS_UNAVAILABLE, STORE_FULL
     */
    private void put(Ended ended) {
        try {
            for (String name : RunFolder.RESULT) {
                Path file = ended.folder().file(name);
                if (Files.isRegularFile(file)) {
                    store.put(file, ended.target().resolve(name));
                }
            }
        } catch (ObjectException e) {
            throw ObjectFailures.of(e, ErrorReason.OBJECTS_REFUSED);
        }
        try {
            ended.folder()
                    .publish(
                            MARKER,
                            JSON.writeValueAsBytes(
                                    JSON.createObjectNode()
                                            .put("location", ended.target().toString())
                                            .put("endTime", ended.time())
                                            .put("deliverTime", clock.instant().toString())));
        } catch (IOException e) {
            throw RunStore.unusable(ended.folder().file(MARKER), e);
        }
    }

    /** Writes into the state of a run how far its result has come; on the loop. */
    private static void tell(Ended ended, UnaryOperator<Delivery.Builder> change) {
        if (current(ended)) {
            ended.record()
                    .update(
                            run -> {
                                var unused =
                                        change.apply(
                                                run.getDeliveryBuilder()
                                                        .setLocation(ended.target().toString()));
                                return run;
                            });
        }
    }

    private static boolean current(Ended ended) {
        return ended.record().ended()
                && Timestamps.toString(ended.record().snapshot().getEndTime()).equals(ended.time());
    }

    /** Lets the delivery under way end, up to {@link #CLOSE}, and forgets those that wait. */
    @Override
    public void close() {
        thread.shutdown();
        try {
            if (!thread.awaitTermination(CLOSE.toMillis(), TimeUnit.MILLISECONDS)) {
                thread.shutdownNow();
            }
        } catch (InterruptedException e) {
            thread.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
