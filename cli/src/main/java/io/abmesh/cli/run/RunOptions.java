package io.abmesh.cli.run;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.plan.PlanText;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What {@code abmesh run} was asked.
 *
 * @param plan the plan, if one was named; without one, the folder's own is resumed
 * @param out where results go; if absent, a new folder below {@code runs}
 * @param resume true if {@code out} must hold a run
 * @param students student-workers, at least 1, if it was said
 * @param threads compute threads of a student-worker, at least 1, if it was said
 * @param teachers teacher-workers, at least 1, if it was said
 * @param cache folder of the boundary cache, if it was said
 * @param teach true if the plan must have no teacher
 */
public record RunOptions(
        Optional<PlanText> plan,
        Optional<Path> out,
        boolean resume,
        Optional<Integer> students,
        Optional<Integer> threads,
        Optional<Integer> teachers,
        Optional<Path> cache,
        boolean teach) {

    public RunOptions {
        requireNonNull(plan, "plan");
        requireNonNull(out, "out");
        requireNonNull(students, "students");
        requireNonNull(threads, "threads");
        requireNonNull(teachers, "teachers");
        requireNonNull(cache, "cache");
    }
}
