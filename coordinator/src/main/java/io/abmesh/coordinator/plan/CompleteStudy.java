package io.abmesh.coordinator.plan;

import io.abmesh.proto.v1.Study;
import java.util.List;

/**
 * A study with its defaults filled in, and the plans of its runs.
 *
 * @param study its base and the changes of its methods as they were written
 * @param plans in the order in which they are best run: every method at every fraction with the
 *     first seed, then the next, so that what is there after an interruption can be compared
 */
public record CompleteStudy(Study study, List<StudyPlan> plans) {
    public CompleteStudy {
        plans = List.copyOf(plans);
    }
}
