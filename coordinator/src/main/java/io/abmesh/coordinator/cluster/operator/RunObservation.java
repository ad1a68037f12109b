package io.abmesh.coordinator.cluster.operator;

import io.abmesh.coordinator.cluster.decision.Admission;
import io.abmesh.coordinator.cluster.decision.ConditionType;
import io.abmesh.coordinator.cluster.decision.MeshState;
import io.abmesh.coordinator.cluster.decision.Reason;
import io.abmesh.coordinator.cluster.mesh.MeshProgress;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.cluster.resource.DistillationRunStatus;
import io.fabric8.kubernetes.api.model.Condition;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What was seen of a run, at one moment.
 *
 * @param run the resource
 * @param mesh what the coordinator says of it
 * @param turn whether the run has a place among those that have workers
 * @param studentsWanted replicas of the students' StatefulSet; empty: there is none
 * @param studentsThere its pods
 * @param studentsReady its ready pods
 * @param teachersThere pods of the teachers' Deployment
 * @param teachersReady its ready pods
 * @param pods all worker pods of the run, those that are leaving included
 */
record RunObservation(
        DistillationRun run,
        MeshProgress mesh,
        Admission.Turn turn,
        Optional<Integer> studentsWanted,
        int studentsThere,
        int studentsReady,
        int teachersThere,
        int teachersReady,
        long pods) {

    String name() {
        return run.getMetadata().getName();
    }

    String uid() {
        return run.getMetadata().getUid();
    }

    Optional<DistillationRunStatus> status() {
        return Optional.ofNullable(run.getStatus());
    }

    SpecHistory specs() {
        return new SpecHistory(run);
    }

    /** Returns the same with the run as it is now. */
    RunObservation with(DistillationRun changed) {
        return new RunObservation(
                changed,
                mesh,
                turn,
                studentsWanted,
                studentsThere,
                studentsReady,
                teachersThere,
                teachersReady,
                pods);
    }

    /** Returns whether the coordinator knows the run, so that its plan cannot change. */
    boolean begun() {
        return mesh.state() != MeshState.ABSENT;
    }

    /**
     * Returns whether the plan has to be checked, and its data: not if that was done before, and
     * not once the run has begun. Its plan cannot be another then, and wherever its data are by
     * now, it may be stopped and scaled.
     */
    boolean planIsNew() {
        return !specs().knownGood() && !(begun() && specs().accepted().isPresent());
    }

    /** Returns the reasons of the conditions that were recorded last, by type. */
    Map<String, String> reasons() {
        Map<String, String> reasons = new HashMap<>();
        for (Condition condition :
                status().map(DistillationRunStatus::conditions).orElseGet(List::of)) {
            reasons.put(condition.getType(), condition.getReason());
        }
        return reasons;
    }

    /** Returns what the last attempt to act was refused with; empty if it was not. */
    String refusal() {
        return status().map(DistillationRunStatus::conditions).orElseGet(List::of).stream()
                .filter(c -> c.getType().equals(ConditionType.WORKERS_READY.word()))
                .filter(c -> c.getReason().equals(Reason.REFUSED.word()))
                .map(Condition::getMessage)
                .findFirst()
                .orElse("");
    }

    /** Returns how many teachers were decided on last. */
    int teachersWanted() {
        return status().map(s -> s.workers().teachersWanted()).orElse(0);
    }

    /** Returns when that number changed. */
    Optional<Instant> teachersScaled() {
        return status().map(DistillationRunStatus::teachersScaledTime).map(Instant::parse);
    }
}
