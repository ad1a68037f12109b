package io.abmesh.coordinator.cluster.operator;

import io.abmesh.coordinator.cluster.decision.RunFacts;
import io.abmesh.coordinator.cluster.decision.RunVerdict;
import io.abmesh.coordinator.cluster.decision.SpecCheck;
import io.abmesh.coordinator.cluster.decision.TeacherScaling;
import io.abmesh.coordinator.cluster.desired.RunObjects;
import io.abmesh.coordinator.cluster.mesh.MeshProgress;
import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is to become of a run: which spec counts, how many workers it gets, and what is said of it.
 *
 * @param spec the spec in force; empty while none was good
 * @param works whether the run has workers now
 * @param students how many
 * @param teachers how many, and why
 * @param teachersScaled when the number of teachers changed last
 * @param facts what phase and conditions follow from
 */
record RunIntent(
        Optional<DistillationRunSpec> spec,
        boolean works,
        int students,
        TeacherScaling.Decision teachers,
        Optional<Instant> teachersScaled,
        RunFacts facts) {

    /**
     * Decides.
     *
     * @param planProblems of the spec, and of its data; empty if they were not to be checked
     */
    static RunIntent of(RunObservation seen, Instant now, List<String> planProblems) {
        DistillationRunSpec wanted = seen.run().getSpec();
        Optional<DistillationRunSpec> accepted = seen.specs().accepted();
        List<String> problems = new ArrayList<>();
        if (!seen.specs().knownGood()) {
            Optional<DistillationRunSpec> begun = accepted.filter(spec -> seen.begun());
            problems.addAll(SpecCheck.problems(seen.name(), wanted, begun.orElse(null)));
            problems.addAll(planProblems);
        }
        Optional<DistillationRunSpec> force = problems.isEmpty() ? Optional.of(wanted) : accepted;
        boolean suspended = force.map(DistillationRunSpec::suspend).orElse(false);
        MeshProgress mesh = seen.mesh();
        boolean works =
                force.isPresent()
                        && !suspended
                        && !mesh.state().terminal()
                        && seen.turn().own()
                        && !seen.turn().othersLeaving();
        int students = works ? force.get().students() : 0;
        TeacherScaling.Decision teachers =
                works && RunObjects.needsTeacher(force.get())
                        ? TeacherScaling.decide(
                                seen.teachersWanted(),
                                force.get().teachers(),
                                mesh.rates(),
                                seen.teachersScaled()
                                        .map(at -> Duration.between(at, now))
                                        .orElse(Duration.ZERO))
                        : new TeacherScaling.Decision(0, TeacherScaling.Reason.BOUNDS);
        RunFacts facts =
                new RunFacts(
                        problems,
                        force.isPresent(),
                        suspended,
                        seen.turn(),
                        mesh.state(),
                        mesh.failure(),
                        seen.refusal(),
                        new RunFacts.Count(students, seen.studentsReady()),
                        new RunFacts.Count(teachers.teachers(), seen.teachersReady()));
        return new RunIntent(
                force,
                works,
                students,
                teachers,
                teachers.teachers() == seen.teachersWanted()
                        ? seen.teachersScaled()
                        : Optional.of(now),
                facts);
    }

    /** Returns phase and conditions. */
    RunVerdict verdict() {
        return RunVerdict.of(facts);
    }

    /** Returns the same, knowing what acting on it was refused with; empty if it was not. */
    RunIntent answered(String refusal) {
        return new RunIntent(
                spec, works, students, teachers, teachersScaled, facts.withRefusal(refusal));
    }
}
