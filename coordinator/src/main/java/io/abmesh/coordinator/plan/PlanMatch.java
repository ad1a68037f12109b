package io.abmesh.coordinator.plan;

import io.abmesh.proto.v1.TapDescription;
import java.util.List;

/**
 * A plan's pairs of taps, first to last; both lists are of one size, and empty when no phase has a
 * boundary loss.
 *
 * @param teacherTaps of the teacher
 * @param studentTaps of the student
 */
public record PlanMatch(List<TapDescription> teacherTaps, List<StudentTap> studentTaps) {
    public PlanMatch {
        teacherTaps = List.copyOf(teacherTaps);
        studentTaps = List.copyOf(studentTaps);
    }
}
