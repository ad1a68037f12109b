package io.abmesh.cli.cluster;

import com.google.protobuf.util.Durations;
import io.abmesh.proto.v1.ClusterRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Runs as a table for people: one line each, columns as wide as they must be. */
public final class RunTable {
    private static final List<String> HEAD =
            List.of(
                    "NAME",
                    "PHASE",
                    "PROGRESS",
                    "REMAINING",
                    "ACCURACY",
                    "STUDENTS",
                    "TEACHERS",
                    "RESULT");
    private static final int PERCENT = 100;
    private static final int MINUTE = 60;

    private RunTable() {}

    /** Returns the lines; a head alone if there are no runs. */
    public static List<String> lines(List<ClusterRun> runs) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(HEAD);
        runs.forEach(run -> rows.add(row(run)));
        int[] widths = new int[HEAD.size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        return rows.stream()
                .map(
                        row -> {
                            StringBuilder line = new StringBuilder();
                            for (int i = 0; i < widths.length; i++) {
                                line.append(row.get(i))
                                        .append(" ".repeat(widths[i] - row.get(i).length() + 2));
                            }
                            return line.toString().stripTrailing();
                        })
                .toList();
    }

    private static List<String> row(ClusterRun run) {
        return List.of(
                run.getName(),
                run.getPhase(),
                run.getProgressPercent() + "%",
                run.hasRemainingDuration()
                        ? time(Durations.toSeconds(run.getRemainingDuration()))
                        : "-",
                run.hasBestAccuracy()
                        ? String.format(Locale.ROOT, "%.2f%%", run.getBestAccuracy() * PERCENT)
                        : "-",
                Integer.toString(run.getStudentCount()),
                Integer.toString(run.getTeacherCount()),
                result(run));
    }

    /** Where the copy of the result is; of a failure only its reason, which is its first word. */
    private static String result(ClusterRun run) {
        if (!run.getResultLocation().isEmpty()) {
            return run.getResultLocation();
        }
        String failure = run.getResultFailure();
        return failure.isEmpty() ? "-" : failure.substring(0, failure.indexOf(':'));
    }

    private static String time(long seconds) {
        long minutes = seconds / MINUTE;
        return minutes >= MINUTE
                ? "%dh%02dm".formatted(minutes / MINUTE, minutes % MINUTE)
                : "%dm%02ds".formatted(minutes, seconds % MINUTE);
    }
}
