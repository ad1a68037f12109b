package io.abmesh.coordinator.cluster.process;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Waits for an API server that is away: asks it after {@link #FIRST_PAUSE}, then after twice as
 * long each time up to {@link #LONGEST_PAUSE}, for as long as it takes. The log says once that it
 * is away and once that it is there.
 */
final class ApiServerWait {
    static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

    private static final Logger LOG = Logger.getLogger(ApiServerWait.class);

    /** Lets time go by. */
    interface Pause {
        void pause(Duration length) throws InterruptedException;
    }

    private final Pause pause;
    private final Clock clock;

    ApiServerWait(Pause pause, Clock clock) {
        this.pause = pause;
        this.clock = clock;
    }

    /**
     * Returns the answer to a question, once the API server gives one.
     *
     * @param server who is asked, for the log
     * @throws MeshException of the question, unless it is CLUSTER_UNAVAILABLE; that one too if the
     *     thread is interrupted
     */
    <T> T answer(String server, Supplier<T> question) {
        @Nullable Instant since = null;
        for (Duration next = FIRST_PAUSE; ; next = doubled(next)) {
            try {
                T answer = question.get();
                if (since != null) {
                    LOG.infof(
                            "API server is there server=%s waited=%s",
                            server, Duration.between(since, clock.instant()));
                }
                return answer;
            } catch (MeshException e) {
                if (e.reason() != ErrorReason.CLUSTER_UNAVAILABLE) {
                    throw e;
                }
                if (since == null) {
                    since = clock.instant();
                    LOG.warnf(
                            "API server is away, waiting for it server=%s cause=%s",
                            server, e.getMessage());
                }
            }
            pause(server, next);
        }
    }

    private void pause(String server, Duration length) {
        try {
            pause.pause(length);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MeshException(
                    ErrorReason.CLUSTER_UNAVAILABLE,
                    "interrupted while it waited for the API server: server=" + server,
                    Map.of("server", server),
                    e);
        }
    }

    private static Duration doubled(Duration pause) {
        Duration longer = pause.multipliedBy(2);
        return longer.compareTo(LONGEST_PAUSE) < 0 ? longer : LONGEST_PAUSE;
    }
}
