package io.abmesh.student.run;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.student.schedule.LossPlateau;
import io.abmesh.student.schedule.ScaleProbe;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a phase knows of its own course besides what its student learned, and decides later steps
 * by. It belongs to the last applied step, so that students at one position have one state, even if
 * some of them have entered the next phase in vain. Not thread-safe.
 */
final class PhaseCourse {
    /** Tensor of a state that a plateau goes on from. */
    private static final String PLATEAU = "schedule.plateau";

    /** Tensor of a state that a probe goes on from. */
    private static final String PROBE = "scale.probe";

    private final PlannedPhase phase;
    private final @Nullable LossPlateau plateau;
    private final @Nullable ScaleProbe probe;

    private PhaseCourse(
            PlannedPhase phase, @Nullable LossPlateau plateau, @Nullable ScaleProbe probe) {
        this.phase = phase;
        this.plateau = plateau;
        this.probe = probe;
    }

    /** Returns the course of a phase at its beginning. */
    static PhaseCourse begin(PlannedPhase phase) {
        return new PhaseCourse(
                phase,
                phase.plateau().map(LossPlateau::new).orElse(null),
                phase.probed() ? new ScaleProbe(phase.length()) : null);
    }

    /**
     * Returns the course that a state was taken in.
     *
     * @param tensors of the state; those of the course are removed
     * @throws IllegalArgumentException if the state lacks one, or it is no such tensor
     */
    static PhaseCourse of(PlannedPhase phase, Map<String, StoredTensor> tensors) {
        return new PhaseCourse(
                phase,
                phase.plateau()
                        .map(rule -> LossPlateau.of(rule, take(tensors, PLATEAU)))
                        .orElse(null),
                phase.probed() ? ScaleProbe.of(phase.length(), take(tensors, PROBE)) : null);
    }

    private static float[] take(Map<String, StoredTensor> tensors, String name) {
        StoredTensor tensor = tensors.remove(name);
        if (tensor == null) {
            throw new IllegalArgumentException("state lacks a tensor: expected=" + name);
        }
        return tensor.floats();
    }

    /** Returns the learning rate of a step. */
    double learningRateAt(long step) {
        long place = step - phase.startStep();
        double planned =
                probe == null
                        ? phase.learningRate().at(place, phase.length())
                        : phase.learningRate()
                                .at(
                                        probe.placeInSchedule(place),
                                        probe.scheduleLength(phase.length()));
        return planned * (plateau == null ? 1 : plateau.factor());
    }

    /** Returns losses and optimiser of a step. */
    PhaseSetup setupAt(long step) {
        return probe == null ? phase.setup() : phase.setup(probe.scale(step - phase.startStep()));
    }

    /** Returns whether the student starts anew, from its initial weights, before a step. */
    boolean restarts(long step) {
        return probe != null && probe.restarts(step - phase.startStep());
    }

    /**
     * Takes what an applied step found.
     *
     * @param agreement of each tap; empty if it is not known
     * @return the choice of a scale that is made with this step, if one is
     */
    Optional<ScaleProbe.Choice> applied(long step, double loss, List<Double> agreement) {
        long place = step - phase.startStep();
        if (plateau != null) {
            plateau.add(loss, place, phase.length());
        }
        return probe == null ? Optional.empty() : probe.add(place, agreement);
    }

    /** Adds its tensors to a state. */
    void addTo(Map<String, StoredTensor> state) {
        if (plateau != null) {
            state.put(PLATEAU, stored(plateau.state()));
        }
        if (probe != null) {
            state.put(PROBE, stored(probe.state()));
        }
    }

    private static StoredTensor stored(float[] values) {
        return StoredTensor.of(List.of((long) values.length), values);
    }
}
