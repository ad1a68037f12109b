package io.abmesh.coordinator.page;

import io.abmesh.coordinator.store.Journal;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.StepCommitted;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What a run did, as much of it as a page shows: its phases, a {@link Curve} per measured thing,
 * and the numbers of the last {@value #MOST_NOTED} events that are no steps. Made from the journal,
 * so that it is the same after a restart; takes up what was added since.
 *
 * <p>A step or evaluation that is told again replaces what was told of it and of later ones. Curves
 * cannot forget, so they are then made anew.
 *
 * <p>Not thread-safe.
 */
final class RunTrace {
    /** Events kept at most that are no steps: {@value}. */
    static final int MOST_NOTED = 500;

    private static final int FIXED_BYTES = 4096;

    /** What is measured. */
    enum Measure {
        /** Total loss of a step. */
        LOSS("loss"),
        /** One weighted term of it. */
        TERM("term"),
        /** Agreement at a tap, 0 to 1. */
        AGREEMENT("agreement"),
        /** Learning rate. */
        LEARNING_RATE("learningRate"),
        /** Training images a second. */
        THROUGHPUT("throughput"),
        /** Test accuracy, 0 to 1. */
        ACCURACY("accuracy");

        private final String word;

        Measure(String word) {
            this.word = word;
        }

        /** Returns its name in JSON. */
        String word() {
            return word;
        }
    }

    /**
     * What a curve is of.
     *
     * @param phase empty for accuracies, which belong to a track
     * @param name tap or term; empty where there is one only
     */
    record Series(Measure measure, String track, String phase, String name) {}

    private final Plan plan;
    private final Map<String, PhaseStarted> phases = new LinkedHashMap<>();
    private final Map<Series, Curve> curves = new LinkedHashMap<>();
    private final Map<String, Evaluated> evaluated = new LinkedHashMap<>();
    private final Deque<Integer> noted = new ArrayDeque<>();
    private int next;
    private long place = -1;

    RunTrace(Plan plan) {
        this.plan = plan;
    }

    /** Takes up what the journal has got since. */
    void catchUp(Journal journal) throws IOException {
        int count = journal.count();
        while (next < count) {
            RunEvent event = journal.read(next);
            OptionalLong at = place(event);
            if (at.isPresent() && at.getAsLong() <= place) {
                readAgain(journal, count);
                return;
            }
            add(event);
            next++;
        }
    }

    private void readAgain(Journal journal, int count) throws IOException {
        phases.clear();
        curves.clear();
        evaluated.clear();
        noted.clear();
        BitSet replaced = replaced(journal, count);
        for (int i = 0; i < count; i++) {
            if (!replaced.get(i)) {
                add(journal.read(i));
            }
        }
        next = count;
    }

    /**
     * Of two events of one place the later one counts, and of what is behind it what came later.
     */
    private static BitSet replaced(Journal journal, int count) throws IOException {
        BitSet replaced = new BitSet(count);
        long earliest = Long.MAX_VALUE;
        for (int i = count - 1; i >= 0; i--) {
            OptionalLong at = place(journal.read(i));
            if (at.isPresent()) {
                replaced.set(i, at.getAsLong() >= earliest);
                earliest = Math.min(earliest, at.getAsLong());
            }
        }
        return replaced;
    }

    /** A step, then its evaluation, then the next step; nothing for other events. */
    private static OptionalLong place(RunEvent event) {
        return switch (event.getEventCase()) {
            case STEP_COMMITTED -> OptionalLong.of(2 * event.getStepCommitted().getStep());
            case EVALUATED -> OptionalLong.of(2 * event.getEvaluated().getStep() + 1);
            default -> OptionalLong.empty();
        };
    }

    private void add(RunEvent event) {
        place(event).ifPresent(at -> place = at);
        if (event.hasStepCommitted()) {
            add(event.getStepCommitted());
            return;
        }
        if (event.hasPhaseStarted()) {
            PhaseStarted phase = event.getPhaseStarted();
            phases.put(phase.getTrack() + "/" + phase.getPhase(), phase);
        } else if (event.hasEvaluated()) {
            Evaluated one = event.getEvaluated();
            evaluated.put(one.getTrack(), one);
            curve(Measure.ACCURACY, one.getTrack(), "", "").add(one.getStep(), one.getAccuracy());
        }
        noted.add((int) event.getNumber());
        if (noted.size() > MOST_NOTED) {
            noted.remove();
        }
    }

    private void add(StepCommitted step) {
        PhaseStarted phase = phaseOf(step.getStep());
        if (phase == null) {
            return;
        }
        String track = phase.getTrack();
        String name = phase.getPhase();
        curve(Measure.LOSS, track, name, "").add(step.getStep(), step.getLoss());
        if (step.getTermsCount() > 1) {
            List<String> terms = TermNames.of(plan, track, name);
            for (int i = 0; i < step.getTermsCount(); i++) {
                curve(Measure.TERM, track, name, nameAt(terms, i, "term"))
                        .add(step.getStep(), step.getTerms(i));
            }
        }
        for (int i = 0; i < step.getAgreementCount(); i++) {
            curve(Measure.AGREEMENT, track, name, nameAt(phase.getTapsList(), i, "tap"))
                    .add(step.getStep(), step.getAgreement(i));
        }
        curve(Measure.LEARNING_RATE, track, name, "").add(step.getStep(), step.getLearningRate());
        if (step.getImagesPerSecond() > 0) {
            curve(Measure.THROUGHPUT, track, name, "")
                    .add(step.getStep(), step.getImagesPerSecond());
        }
    }

    private static String nameAt(List<String> names, int index, String otherwise) {
        return index < names.size() ? names.get(index) : otherwise + " " + (index + 1);
    }

    private Curve curve(Measure measure, String track, String phase, String name) {
        return curves.computeIfAbsent(
                new Series(measure, track, phase, name), series -> new Curve());
    }

    private @Nullable PhaseStarted phaseOf(long step) {
        PhaseStarted found = null;
        for (PhaseStarted phase : phases.values()) {
            if (phase.getStartStep() <= step && step < phase.getEndStep()) {
                found = phase;
            }
        }
        return found;
    }

    /** Returns the plan. */
    Plan plan() {
        return plan;
    }

    /** Returns the phases that have begun. */
    List<PhaseStarted> phases() {
        return List.copyOf(phases.values());
    }

    /** Returns the curves. */
    Map<Series, Curve> curves() {
        return Collections.unmodifiableMap(curves);
    }

    /** Returns how many epochs of a track a step is; nothing before its first evaluation. */
    OptionalDouble epochsPerStep(String track) {
        Evaluated last = evaluated.get(track);
        OptionalLong start =
                phases.values().stream()
                        .filter(phase -> phase.getTrack().equals(track))
                        .mapToLong(PhaseStarted::getStartStep)
                        .min();
        return last == null || start.isEmpty()
                ? OptionalDouble.empty()
                : OptionalDouble.of(last.getEpoch() / (last.getStep() + 1 - start.getAsLong()));
    }

    /** Returns the numbers of the last events that are no steps, ascending. */
    List<Integer> noted() {
        return List.copyOf(noted);
    }

    /** Returns the number of the first event that it does not know. */
    int next() {
        return next;
    }

    /** Returns the memory that it takes, about. */
    long sizeBytes() {
        return FIXED_BYTES
                + noted.size() * (long) Long.BYTES * 3
                + curves.values().stream().mapToLong(Curve::sizeBytes).sum();
    }
}
