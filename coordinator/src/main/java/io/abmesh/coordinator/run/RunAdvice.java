package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.PlanMatch;
import io.abmesh.proto.plan.ProbedScale;
import io.abmesh.proto.v1.ScaleChoice;
import io.abmesh.proto.v1.StudentJoin;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Advice to the users of a run on its plan and its workers. What stays as it is, is said once,
 * however many epochs begin. On the coordinator's loop.
 */
final class RunAdvice {
    /** Agreement that a student reaches by chance, with what a few steps may move it by luck. */
    private static final double CHANCE = 0.51;

    private final Notices notices;
    private final Set<String> given = new HashSet<>();

    RunAdvice(Notices notices) {
        this.notices = notices;
    }

    /** The coordinator chose which taps to compare; the user may know better. */
    void tapsPaired(PlanMatch match) {
        if (!match.unpaired().isEmpty()) {
            notices.notice(
                    "TAPS_PAIRED_BY_SIZE",
                    "taps of equal rows and columns are compared: %s; not compared: %s; name others in teacher.taps and student.taps"
                            .formatted(
                                    String.join(", ", match.pairs()),
                                    String.join(", ", match.unpaired())));
        }
    }

    /**
     * The teacher has named the classes of test images. By chance it would have one of {@code
     * classes} right; up to three standard deviations more may be luck.
     */
    void teacherExamined(int correct, int samples, int classes) {
        double chance = 1.0 / classes;
        double luck = 3 * Math.sqrt(samples * chance * (1 - chance));
        String found =
                String.format(
                        Locale.ROOT,
                        "the teacher has %d of %d test images right, %.0f %%",
                        correct,
                        samples,
                        100.0 * correct / samples);
        if (correct <= samples * chance + luck) {
            notices.notice(
                    "TEACHER_AT_CHANCE",
                    found
                            + String.format(
                                    Locale.ROOT,
                                    ", where chance has %.0f %%: check teacher.normalization and the order of its classes",
                                    100 * chance));
        } else {
            notices.notice("TEACHER_ACCURACY", found);
        }
    }

    /** Students that compute differently may end in other bits than one alone. */
    void studentJoined(StudentJoin first, StudentJoin joined) {
        boolean same =
                first.getThreads() == joined.getThreads()
                        && first.getPlatform().equals(joined.getPlatform());
        if (!same && given.add(joined.getWorkerId())) {
            notices.notice(
                    "STUDENTS_DIFFER",
                    "student %s computes with %d threads on %s, %s with %d on %s: the result may differ in its last bits"
                            .formatted(
                                    joined.getWorkerId(),
                                    joined.getThreads(),
                                    joined.getPlatform(),
                                    first.getWorkerId(),
                                    first.getThreads(),
                                    first.getPlatform()));
        }
    }

    /** More students than micro-batches leave some without work. */
    void rosterFormed(int students, int microBatches) {
        if (students > microBatches && given.add("idle " + students)) {
            notices.notice(
                    "STUDENTS_IDLE",
                    "%d students share %d micro-batches: %d compute nothing, but hold the state and a slice of the gradient; raise the plan's microBatches to use them"
                            .formatted(students, microBatches, students - microBatches));
        }
    }

    /** Taps that fire too seldom or too often say little. */
    void tapMeasured(TapHealth tap) {
        tap.warning()
                .filter(given::add)
                .ifPresent(message -> notices.notice("TAP_UNBALANCED", message));
    }

    /** The students have tried scales of the boundary loss; told each time that they do. */
    void scaleChosen(ScaleChoice choice) {
        List<String> tried = new ArrayList<>();
        for (int i = 0; i < choice.getAgreementsCount(); i++) {
            tried.add(
                    String.format(
                            Locale.ROOT,
                            "%.0f: %.1f %%",
                            ProbedScale.SCALES.get(i),
                            100 * choice.getAgreements(i)));
        }
        notices.notice(
                "SCALE_CHOSEN",
                String.format(
                        Locale.ROOT,
                        "scale of the boundary loss is %.0f; agreement with the teacher at each scale tried: %s",
                        choice.getScale(),
                        String.join(", ", tried)));
        if (choice.getAgreementsList().stream().allMatch(agreement -> agreement < CHANCE)) {
            notices.notice(
                    "AGREEMENT_AT_CHANCE",
                    "no scale brought the student closer to the teacher than chance; check that the taps pair up");
        }
    }
}
