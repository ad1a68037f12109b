package io.abmesh.coordinator.cluster.decision;

import java.util.List;

/**
 * What was observed of a run and its workers.
 *
 * @param problems what is wrong with its spec; empty for a good one
 * @param accepted whether an earlier spec was found good
 * @param suspended whether the spec that counts says so
 * @param turn whether the run has a place among those that have workers
 * @param state what the coordinator says
 * @param failure why it failed; empty otherwise
 * @param refusal what is not taken of what the run needs, in the words of who refuses it; empty if
 *     all is
 * @param students wanted and ready student-workers
 * @param teachers wanted and ready teacher-workers
 */
public record RunFacts(
        List<String> problems,
        boolean accepted,
        boolean suspended,
        Admission.Turn turn,
        MeshState state,
        String failure,
        String refusal,
        Count students,
        Count teachers) {
    /** Workers that are wanted and that are ready. */
    public record Count(int wanted, int ready) {
        boolean complete() {
            return ready >= wanted;
        }
    }

    public RunFacts {
        problems = List.copyOf(problems);
    }

    /** Returns the same with another refusal. */
    public RunFacts withRefusal(String changed) {
        return new RunFacts(
                problems, accepted, suspended, turn, state, failure, changed, students, teachers);
    }
}
