package io.abmesh.coordinator.plan;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Problems of the plans of a study, each of which is told once however many plans have it: at the
 * place in the study that it comes from, with the methods that it concerns unless it is all of
 * them.
 */
public final class StudyProblems {
    private final int methodCount;
    private final Map<PlanProblem, Set<String>> methods = new LinkedHashMap<>();

    /** Starts without any. */
    public StudyProblems(int methodCount) {
        this.methodCount = methodCount;
    }

    /** Adds what is wrong with a plan of {@code method}. */
    public void add(String method, List<PlanProblem> problems) {
        problems.forEach(p -> methods.computeIfAbsent(p, key -> new LinkedHashSet<>()).add(method));
    }

    /** Returns them in the order in which they were found. */
    public List<PlanProblem> list() {
        List<PlanProblem> list = new ArrayList<>();
        methods.forEach(
                (problem, concerned) ->
                        list.add(
                                concerned.size() == methodCount
                                        ? problem
                                        : new PlanProblem(
                                                problem.path(),
                                                problem.line(),
                                                problem.column(),
                                                problem.message()
                                                        + " (method "
                                                        + String.join(", ", concerned)
                                                        + ")")));
        return List.copyOf(list);
    }
}
