package io.abmesh.student.schedule;

/** Learning rate of each step of one phase: a pure function, so a resumed phase has the same. */
@FunctionalInterface
public interface LearningRate {
    /**
     * Returns the rate of a step.
     *
     * @param step place in the phase, in {@code [0, steps)}
     * @param steps planned length of the phase, at least 1; a phase that may end early keeps it
     * @throws IllegalArgumentException if the step is not of the phase
     */
    double at(long step, long steps);
}
