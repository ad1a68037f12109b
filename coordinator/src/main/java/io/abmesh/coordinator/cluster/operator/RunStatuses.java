package io.abmesh.coordinator.cluster.operator;

import io.abmesh.coordinator.cluster.decision.Reason;
import io.abmesh.coordinator.cluster.decision.RunCondition;
import io.abmesh.coordinator.cluster.decision.Transition;
import io.abmesh.coordinator.cluster.desired.RunObjects;
import io.abmesh.coordinator.cluster.mesh.MeshProgress;
import io.abmesh.coordinator.cluster.mesh.ResultCopy;
import io.abmesh.coordinator.cluster.resource.DistillationRunStatus;
import io.abmesh.coordinator.cluster.resource.ResultLocation;
import io.abmesh.coordinator.cluster.resource.WorkerCounts;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ConditionBuilder;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** What is written into a run's status, and which events go with it. */
final class RunStatuses {
    private final String storeClaim;

    /**
     * Makes statuses.
     *
     * @param storeClaim claim of the coordinator's volume
     */
    RunStatuses(String storeClaim) {
        this.storeClaim = storeClaim;
    }

    DistillationRunStatus status(RunObservation seen, RunIntent intent, Instant now) {
        MeshProgress mesh = seen.mesh();
        return new DistillationRunStatus(
                seen.run().getMetadata().getGeneration(),
                intent.verdict().phase(),
                mesh.percent(),
                intent.works() ? mesh.remainingSeconds().orElse(null) : null,
                mesh.step(),
                mesh.totalSteps(),
                mesh.bestAccuracy().orElse(null),
                mesh.agreement().orElse(null),
                new WorkerCounts(
                        seen.studentsThere(),
                        seen.studentsReady(),
                        intent.teachers().teachers(),
                        seen.teachersThere(),
                        seen.teachersReady()),
                RunObjects.studentSelector(seen.name()),
                mesh.runId().isEmpty() ? null : result(mesh),
                intent.teachersScaled().map(Instant::toString).orElse(null),
                intent.spec().map(Serialization::asJson).orElse(null),
                conditions(seen, intent, now));
    }

    private ResultLocation result(MeshProgress mesh) {
        return new ResultLocation(
                mesh.runId(),
                storeClaim,
                mesh.path(),
                mesh.copy().filter(ResultCopy::there).map(ResultCopy::location).orElse(null),
                mesh.copy()
                        .map(ResultCopy::failure)
                        .filter(failure -> !failure.isEmpty())
                        .orElse(null));
    }

    private static List<Condition> conditions(RunObservation seen, RunIntent intent, Instant now) {
        List<Condition> before =
                seen.status().map(DistillationRunStatus::conditions).orElse(List.of());
        List<Condition> conditions = new ArrayList<>();
        for (RunCondition condition : intent.verdict().conditions()) {
            String status = condition.holds() ? "True" : "False";
            String since =
                    before.stream()
                            .filter(
                                    c ->
                                            c.getType().equals(condition.type().word())
                                                    && c.getStatus().equals(status))
                            .map(Condition::getLastTransitionTime)
                            .findFirst()
                            .orElse(now.truncatedTo(ChronoUnit.SECONDS).toString());
            conditions.add(
                    new ConditionBuilder()
                            .withType(condition.type().word())
                            .withStatus(status)
                            .withReason(condition.reason().word())
                            .withMessage(condition.message())
                            .withLastTransitionTime(since)
                            .withObservedGeneration(seen.run().getMetadata().getGeneration())
                            .build());
        }
        return conditions;
    }

    static List<Transition> events(RunObservation seen, RunIntent intent) {
        List<Transition> events =
                new ArrayList<>(Transition.between(seen.reasons(), intent.verdict()));
        int teachers = intent.teachers().teachers();
        if (seen.teachersWanted() > 0 && teachers > 0 && teachers != seen.teachersWanted()) {
            events.add(
                    new Transition(
                            Reason.TEACHERS_SCALED,
                            "teachers from %d to %d: %s"
                                    .formatted(
                                            seen.teachersWanted(),
                                            teachers,
                                            intent.teachers().reason())));
        }
        int students = seen.studentsWanted().orElse(0);
        if (students > 0 && intent.students() > 0 && students != intent.students()) {
            events.add(
                    new Transition(
                            Reason.STUDENTS_SCALED,
                            "students from %d to %d".formatted(students, intent.students())));
        }
        return events;
    }
}
