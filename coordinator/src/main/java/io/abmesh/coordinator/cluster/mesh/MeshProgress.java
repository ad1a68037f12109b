package io.abmesh.coordinator.cluster.mesh;

import io.abmesh.coordinator.cluster.decision.MeshState;
import io.abmesh.coordinator.cluster.decision.TeacherRates;
import java.util.Optional;

/**
 * Where a run stands in the coordinator's store.
 *
 * @param state whether it goes on
 * @param executing whether it has the coordinator's turn or waits for it there
 * @param runId its name there; empty while it is absent
 * @param path its folder; empty while it is absent
 * @param failure reason and message of what it failed of; empty otherwise
 * @param step last committed step, counted through all tracks; -1 before the first
 * @param totalSteps steps of the whole run; 0 while unknown
 * @param remainingSeconds time that is left at the present speed; empty while unknown
 * @param bestAccuracy best test accuracy of the track whose student is the result, 0 to 1
 * @param agreement mean boundary agreement of the last step that had one, 0 to 1
 * @param copy of the result in an object store; empty if it stays in the store alone, or before the
 *     run has ended
 * @param rates what was measured of students and teachers; empty while unknown
 */
public record MeshProgress(
        MeshState state,
        boolean executing,
        String runId,
        String path,
        String failure,
        long step,
        long totalSteps,
        Optional<Long> remainingSeconds,
        Optional<Double> bestAccuracy,
        Optional<Double> agreement,
        Optional<ResultCopy> copy,
        Optional<TeacherRates> rates) {
    private static final int ALL = 100;

    /** Progress of a run that was never queued. */
    public static final MeshProgress ABSENT =
            new MeshProgress(
                    MeshState.ABSENT,
                    false,
                    "",
                    "",
                    "",
                    -1,
                    0,
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty());

    /** Returns the steps that are done, in percent of all. */
    public int percent() {
        if (state == MeshState.SUCCEEDED) {
            return ALL;
        }
        return totalSteps == 0 ? 0 : (int) Math.min(ALL, ALL * (step + 1) / totalSteps);
    }
}
