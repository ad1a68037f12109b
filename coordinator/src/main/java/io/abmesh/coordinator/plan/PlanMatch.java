package io.abmesh.coordinator.plan;

import io.abmesh.proto.v1.TapDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A plan's pairs of taps, first to last; both lists are of one size, and empty when no phase has a
 * loss at taps.
 *
 * @param teacherTaps of the teacher
 * @param studentTaps of the student
 * @param unpaired taps of either that nobody named and that have no partner, for people
 */
public record PlanMatch(
        List<TapDescription> teacherTaps, List<StudentTap> studentTaps, List<String> unpaired) {
    static final PlanMatch NONE = new PlanMatch(List.of(), List.of(), List.of());

    public PlanMatch {
        teacherTaps = List.copyOf(teacherTaps);
        studentTaps = List.copyOf(studentTaps);
        unpaired = List.copyOf(unpaired);
    }

    /**
     * Pairs feature maps of equal rows and columns. A size that several taps of one side have pairs
     * with nothing: which of them is meant, only the user knows.
     */
    static PlanMatch bySize(List<TapDescription> teacher, List<StudentTap> student) {
        List<TapDescription> teacherTaps = new ArrayList<>();
        List<StudentTap> studentTaps = new ArrayList<>();
        for (StudentTap tap : student) {
            List<TapDescription> partners =
                    teacher.stream().filter(partner -> sameSize(partner, tap)).toList();
            long rivals =
                    student.stream()
                            .filter(other -> partners.stream().anyMatch(p -> sameSize(p, other)))
                            .count();
            if (partners.size() == 1 && rivals == 1) {
                teacherTaps.add(partners.get(0));
                studentTaps.add(tap);
            }
        }
        List<String> unpaired =
                Stream.concat(
                                student.stream()
                                        .filter(tap -> !studentTaps.contains(tap))
                                        .map(tap -> "student " + tap),
                                teacher.stream()
                                        .filter(tap -> !teacherTaps.contains(tap))
                                        .map(tap -> "teacher " + text(tap)))
                        .toList();
        return new PlanMatch(teacherTaps, studentTaps, unpaired);
    }

    private static boolean sameSize(TapDescription teacher, StudentTap student) {
        return teacher.getSampleShapeCount() == 3
                && teacher.getSampleShape(1) == student.height()
                && teacher.getSampleShape(2) == student.width();
    }

    /** Returns name and shape of a teacher's tap. */
    static String text(TapDescription tap) {
        return tap.getName() + "=" + tap.getSampleShapeList();
    }

    /** Returns the pairs for people, with shapes. */
    public List<String> pairs() {
        List<String> pairs = new ArrayList<>();
        for (int i = 0; i < teacherTaps.size(); i++) {
            pairs.add(
                    "student " + studentTaps.get(i) + " with teacher " + text(teacherTaps.get(i)));
        }
        return pairs;
    }
}
