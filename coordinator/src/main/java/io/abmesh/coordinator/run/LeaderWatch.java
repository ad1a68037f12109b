package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.StudentSession;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Tells when a leader that is waited for gets nothing done: it is alive, since its heartbeats come,
 * but their count of what is done stands still. Looked at every few seconds, on the coordinator's
 * loop.
 */
final class LeaderWatch {
    /**
     * What is waited for, and how much its leader had done by then. A leader hangs for as long as
     * this stays the same.
     *
     * @param leader of the epoch
     * @param epoch membership epoch
     * @param owed what it has not answered, the oldest first
     * @param progress pieces of work that it has done
     */
    record Sight(StudentSession leader, long epoch, RunScript.Item owed, long progress) {
        @Override
        public String toString() {
            return "student "
                    + leader.join().getWorkerId()
                    + " gets nothing done: owed="
                    + named(owed)
                    + ", epoch="
                    + epoch;
        }

        private static String named(RunScript.Item owed) {
            if (owed instanceof RunScript.EndTrack end) {
                return "result of track " + end.track();
            }
            String behind = " behind step " + owed.step();
            if (owed instanceof RunScript.Evaluate) {
                return "evaluation" + behind;
            }
            return owed instanceof RunScript.Checkpoint
                    ? "checkpoint" + behind
                    : "step " + owed.step();
        }
    }

    private final Duration patience;
    private Optional<Sight> last = Optional.empty();
    private Instant since = Instant.MIN;
    private boolean told;

    /**
     * Makes a watch.
     *
     * @param patience how long a leader may get nothing done
     */
    LeaderWatch(Duration patience) {
        this.patience = patience;
    }

    /**
     * Takes a look.
     *
     * @param sight empty while no leader is waited for
     * @return true, once each time, if a leader has got nothing done for longer than it may
     */
    boolean hangs(Optional<Sight> sight, Instant now) {
        if (sight.isEmpty() || !sight.equals(last)) {
            last = sight;
            since = now;
            told = false;
            return false;
        }
        boolean hangs = !told && now.isAfter(since.plus(patience));
        told |= hangs;
        return hangs;
    }
}
