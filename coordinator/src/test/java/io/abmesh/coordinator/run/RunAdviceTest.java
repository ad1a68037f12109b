package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.v1.ScaleChoice;
import io.abmesh.proto.v1.StudentJoin;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RunAdviceTest {
    private static final StudentJoin FIRST = student("student-0", 2);

    private final List<String> told = new ArrayList<>();
    private final RunAdvice advice =
            new RunAdvice((reason, message) -> told.add(reason + ": " + message));

    @Test
    void studentsThatComputeAlikeAreNoNews() {
        advice.studentJoined(FIRST, FIRST);
        advice.studentJoined(FIRST, student("student-1", 2));

        assertThat(told).isEmpty();
    }

    @Test
    void aStudentThatComputesDifferentlyIsToldOnceHoweverOftenItJoins() {
        advice.studentJoined(FIRST, student("student-1", 4));
        advice.studentJoined(FIRST, student("student-1", 4));

        assertThat(told)
                .containsExactly(
                        "STUDENTS_DIFFER: student student-1 computes with 4 threads on testing,"
                                + " student-0 with 2 on testing: the result may differ in its last"
                                + " bits");
    }

    @Test
    void studentsWithoutWorkAreToldOncePerNumber() {
        advice.rosterFormed(2, 2);
        advice.rosterFormed(3, 2);
        advice.rosterFormed(3, 2);
        advice.rosterFormed(4, 2);

        assertThat(told)
                .hasSize(2)
                .allMatch(line -> line.startsWith("STUDENTS_IDLE: "))
                .last()
                .asString()
                .contains("4 students share 2 micro-batches: 2 compute nothing");
    }

    @Test
    void aTapThatSaysLittleIsToldOnce() {
        advice.tapMeasured(new TapHealth("block1", 0.5, 0));
        advice.tapMeasured(new TapHealth("block2", 0.01, 0));
        advice.tapMeasured(new TapHealth("block2", 0.01, 0));

        assertThat(told)
                .singleElement()
                .asString()
                .startsWith("TAP_UNBALANCED: teacher's tap block2");
    }

    @Test
    void aTeacherThatMayBeGuessingIsToldSo() {
        advice.teacherExamined(118, 128, 10);
        advice.teacherExamined(22, 128, 10);
        advice.teacherExamined(24, 128, 10);

        assertThat(told)
                .containsExactly(
                        "TEACHER_ACCURACY: the teacher has 118 of 128 test images right, 92 %",
                        "TEACHER_AT_CHANCE: the teacher has 22 of 128 test images right, 17 %, where"
                                + " chance has 10 %: check teacher.normalization and the order of its"
                                + " classes",
                        "TEACHER_ACCURACY: the teacher has 24 of 128 test images right, 19 %");
    }

    @Test
    void scalesThatAllLeaveTheStudentAtChanceAreToldAsAProblem() {
        advice.scaleChosen(choice(0.5, 0.8));
        assertThat(told)
                .singleElement()
                .asString()
                .endsWith("agreement with the teacher at each scale tried: 5: 50.0 %, 16: 80.0 %");

        advice.scaleChosen(choice(0.5, 0.505));
        assertThat(told.subList(1, 3))
                .extracting(line -> line.substring(0, line.indexOf(':')))
                .containsExactly("SCALE_CHOSEN", "AGREEMENT_AT_CHANCE");
    }

    private static ScaleChoice choice(double... agreements) {
        ScaleChoice.Builder choice = ScaleChoice.newBuilder().setScale(1);
        for (double agreement : agreements) {
            choice.addAgreements(agreement);
        }
        return choice.build();
    }

    private static StudentJoin student(String name, int threads) {
        return StudentJoin.newBuilder()
                .setWorkerId(name)
                .setThreads(threads)
                .setPlatform("testing")
                .build();
    }
}
