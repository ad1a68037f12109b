package io.abmesh.student.run;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.EvaluationAssignment;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.student.exchange.Roster;
import io.abmesh.student.fetch.PendingBatch;
import java.util.List;

/** Something to do, in the order in which the coordinator said so. */
sealed interface Work {
    /** The run it belongs to. */
    String runId();

    /** Micro-batches that are fetched for it; empty for most. */
    default List<PendingBatch> batches() {
        return List.of();
    }

    /** Take a run on. */
    record Begin(RunPlan plan, long epoch) implements Work {
        @Override
        public String runId() {
            return plan.runId();
        }
    }

    /** Go on in an epoch whose students are agreed on. */
    record Gather(Roster roster) implements Work {
        @Override
        public String runId() {
            return roster.runId();
        }
    }

    /** Refuse a run that cannot be. */
    record Refuse(String runId, long epoch, MeshException reason) implements Work {}

    /** Train a step. */
    record Step(StepAssignment assignment, PlannedPhase phase, List<PendingBatch> batches)
            implements Work {
        public Step {
            batches = List.copyOf(batches);
        }

        @Override
        public String runId() {
            return assignment.getRunId();
        }
    }

    /** Measure test accuracy. */
    record Evaluate(EvaluationAssignment assignment, List<PendingBatch> batches) implements Work {
        public Evaluate {
            batches = List.copyOf(batches);
        }

        @Override
        public String runId() {
            return assignment.getRunId();
        }
    }

    /** Publish a checkpoint. */
    record Checkpoint(String runId) implements Work {}

    /** Report a track's result. */
    record EndTrack(String runId, String track) implements Work {}

    /** Drop a run. */
    record End(String runId) implements Work {}
}
