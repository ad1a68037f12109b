package io.abmesh.cli.plan;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.proto.error.FieldViolation;
import io.abmesh.proto.error.MeshException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Writes what the coordinator finds wrong in a plan in the form of a compiler: {@code
 * plan.yaml:12:5: KEY: problem}.
 */
public final class PlanProblems {

    /**
     * The coordinator says {@code LINE:COLUMN: problem}, or {@code --set: problem} for a value that
     * was not in the file.
     */
    private static final Pattern PLACED = Pattern.compile("(?s)(\\d+:\\d+|--set): (.*)");

    private PlanProblems() {}

    /** Returns the error that a refused plan is; one line for each problem. */
    public static CliException of(Path file, MeshException refusal) {
        return of("plan", file, refusal);
    }

    /** Returns the error that a refused study is; one line for each problem. */
    public static CliException ofStudy(Path file, MeshException refusal) {
        return of("study", file, refusal);
    }

    private static CliException of(String what, Path file, MeshException refusal) {
        List<FieldViolation> violations = refusal.fieldViolations();
        if (violations.isEmpty()) {
            return new CliException(
                    ExitCode.BAD_INPUT, file + ": " + refusal.getMessage(), refusal);
        }
        String count = violations.size() == 1 ? "1 problem" : violations.size() + " problems";
        return new CliException(
                ExitCode.BAD_INPUT,
                count + " in the " + what + " " + file,
                violations.stream().map(violation -> line(file, violation)).toList());
    }

    private static String line(Path file, FieldViolation violation) {
        Matcher placed = PLACED.matcher(violation.description());
        String field = violation.field().isEmpty() ? "" : violation.field() + ": ";
        if (!placed.matches()) {
            return "%s: %s%s".formatted(file, field, violation.description());
        }
        String place = placed.group(1);
        String where = place.equals("--set") ? "--set" : file + ":" + place;
        return "%s: %s%s".formatted(where, field, placed.group(2));
    }
}
