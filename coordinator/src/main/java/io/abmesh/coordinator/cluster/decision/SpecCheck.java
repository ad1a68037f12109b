package io.abmesh.coordinator.cluster.decision;

import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.WorkerResources;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What can be wrong with a spec around its plan and beyond its schema. */
public final class SpecCheck {
    /**
     * Names of runs: objects of a run are named after it, with a word behind, a Service among them,
     * and a label of a pod has 63 characters.
     */
    public static final String NAME = "[a-z]([a-z0-9-]{0,38}[a-z0-9])?";

    /** What {@link #NAME} says, for people. */
    public static final String NAME_EXPECTED =
            "lower-case letters, digits and -, a letter first, at most 40";

    /**
     * Name of an extended resource: that of a domain, and a word with the form of a label's value.
     */
    private static final String GPU_RESOURCE =
            "[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";

    private SpecCheck() {}

    /**
     * Returns every problem, one line each: field, found, expected.
     *
     * @param name of the run
     * @param begun the spec that the run began with; null before
     */
    public static List<String> problems(
            String name, DistillationRunSpec spec, @Nullable DistillationRunSpec begun) {
        List<String> problems = new ArrayList<>();
        if (begun == null && !name.matches(NAME)) {
            problems.add(problem("metadata.name", name, NAME_EXPECTED));
        }
        if (spec.teachers().min() > spec.teachers().max()) {
            problems.add(
                    problem(
                            "spec.teachers.min",
                            spec.teachers().min(),
                            "at most spec.teachers.max=" + spec.teachers().max()));
        }
        worker("spec.resources.student", spec.resources().student(), problems);
        worker("spec.resources.teacher", spec.resources().teacher(), problems);
        if (begun != null && !begun.samePlan(spec)) {
            problems.add(
                    "spec.plan: found=another plan, expected=the plan that the run began with; make"
                            + " another DistillationRun for another plan");
        }
        if (begun != null && !begun.storage().equals(spec.storage())) {
            problems.add(
                    problem(
                            "spec.storage",
                            spec.storage(),
                            "what the run began with: " + begun.storage()));
        }
        return problems;
    }

    private static void worker(String field, WorkerResources resources, List<String> problems) {
        if (resources.memoryMebibytes() < WorkerMemory.LEAST_MEBIBYTES) {
            problems.add(
                    problem(
                            field + ".memory",
                            resources.memory(),
                            WorkerMemory.LEAST_MEBIBYTES + "Mi or more"));
        }
        if (!resources.gpuResource().matches(GPU_RESOURCE)) {
            problems.add(
                    problem(
                            field + ".gpuResource",
                            resources.gpuResource(),
                            "DOMAIN/NAME, for example " + WorkerResources.GPU_RESOURCE));
        }
    }

    private static String problem(String field, Object found, String expected) {
        return field + ": found=" + found + ", expected=" + expected;
    }
}
