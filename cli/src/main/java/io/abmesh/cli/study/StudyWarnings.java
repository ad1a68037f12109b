package io.abmesh.cli.study;

import io.abmesh.proto.v1.StudyRun;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the user of a study may want to know of its plans. */
final class StudyWarnings {
    private StudyWarnings() {}

    /** Returns a line for each distinct warning, with the methods whose plans it is about. */
    static List<String> lines(List<StudyRun> runs) {
        Map<String, Set<String>> methods = new LinkedHashMap<>();
        for (StudyRun run : runs) {
            for (String warning : run.getWarningsList()) {
                methods.computeIfAbsent(warning, w -> new LinkedHashSet<>()).add(run.getMethod());
            }
        }
        return methods.entrySet().stream()
                .map(
                        entry ->
                                "warning: %s: %s"
                                        .formatted(
                                                String.join(", ", entry.getValue()),
                                                entry.getKey()))
                .toList();
    }
}
