package io.abmesh.cli.study;

import io.abmesh.cli.comparison.Measured;
import io.abmesh.cli.comparison.Trial;
import io.abmesh.proto.v1.StudyRun;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How long the open runs of a study may take. */
final class StudyEstimate {
    /** Images a second that all runs at a time learn from, before a run is done. */
    private static final double ASSUMED_RATE = 1000;

    /** Images that are tested with in the time of one that is learned from. */
    private static final double TESTED_PER_LEARNED = 3;

    /** From the start of a run's processes to its first step, as {@code bench/run start} takes. */
    private static final double START_SECONDS = 10;

    private StudyEstimate() {}

    /**
     * Returns a line: what is open, and its time by the speed of what is done.
     *
     * @param runs of the study
     * @param known of each run
     * @param lanes runs at a time
     */
    static String of(List<StudyRun> runs, List<Trial> known, int lanes) {
        int openRuns = 0;
        long openLearned = 0;
        long openTested = 0;
        double done = 0;
        double doneSeconds = 0;
        for (int i = 0; i < known.size(); i++) {
            long learned = runs.get(i).getStepCount() * runs.get(i).getBatch();
            long tested = runs.get(i).getEvaluatedCount();
            Optional<Measured> measured = known.get(i).measured();
            if (measured.isPresent()) {
                done += work(learned, tested);
                doneSeconds += measured.get().seconds();
            } else {
                openRuns++;
                openLearned += learned;
                openTested += tested;
            }
        }
        boolean measured = doneSeconds > 0;
        int atATime = Math.max(1, Math.min(openRuns, lanes));
        double rate = measured ? atATime * done / doneSeconds : ASSUMED_RATE;
        double seconds = work(openLearned, openTested) / rate + openRuns * START_SECONDS / atATime;
        Duration time = Duration.ofSeconds(Math.round(seconds));
        return String.format(
                Locale.ROOT,
                "%,d images to learn from and %,d to test with: about %d:%02d:%02d at %,.0f images/s of training (%s)",
                openLearned,
                openTested,
                time.toHours(),
                time.toMinutesPart(),
                time.toSecondsPart(),
                rate,
                measured ? "the speed of the runs that are done" : "assumed; no run is done");
    }

    private static double work(long learned, long tested) {
        return learned + tested / TESTED_PER_LEARNED;
    }
}
