package io.abmesh.student.schedule;

/**
 * Lowers the rate of one phase whenever its training loss no longer falls.
 *
 * <p>At the end of each epoch of the phase: if the mean loss of its steps is below {@code (1 -
 * }{@value #FALL}{@code )} times the lowest so far, it is the lowest and the count starts again;
 * else the count grows, and at {@link PlateauRule#patience} the rate is multiplied by {@link
 * PlateauRule#factor} and the count starts again. That is PyTorch's {@code ReduceLROnPlateau} with
 * a patience of one less, to which {@code LossPlateauTest} holds it. An epoch ends with the step
 * that completes it; a last part of an epoch decides nothing.
 *
 * <p>What it knows is part of a student's {@link #state}, in single precision as it is kept there,
 * so that a phase that goes on elsewhere has the same rates to the bit. Not thread-safe.
 *
 * @see <a
 *     href="https://pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html">ReduceLROnPlateau</a>
 */
public final class LossPlateau {
    /** Smallest share by which a loss must fall to count: {@value}. */
    static final double FALL = 1e-4;

    /** Elements of a state: {@value}. */
    static final int STATE = 5;

    private final PlateauRule rule;
    private float lowest = Float.POSITIVE_INFINITY;
    private float sum;
    private int steps;
    private int since;
    private int falls;

    /** Starts at the beginning of a phase. */
    public LossPlateau(PlateauRule rule) {
        this.rule = rule;
    }

    /** Returns the multiple of the plan's rate for the next step. */
    public double factor() {
        return Math.pow(rule.factor(), falls);
    }

    /**
     * Takes the loss of a step.
     *
     * @param step place in the phase, in {@code [0, length)}
     * @param length planned steps of the phase
     */
    public void add(double loss, long step, long length) {
        sum += (float) loss;
        steps++;
        if (epochs(step + 1, length) > epochs(step, length)) {
            endEpoch();
        }
    }

    private double epochs(long step, long length) {
        return Math.floor((double) step * rule.epochs() / (double) length);
    }

    private void endEpoch() {
        float mean = sum / steps;
        sum = 0;
        steps = 0;
        if (mean < lowest * (1 - FALL)) {
            lowest = mean;
            since = 0;
        } else if (++since >= rule.patience()) {
            falls++;
            since = 0;
        }
    }

    /** Returns what it knows, {@code [}{@value #STATE}{@code ]}. */
    public float[] state() {
        return new float[] {lowest, sum, steps, since, falls};
    }

    /**
     * Returns a plateau that goes on from a state.
     *
     * @throws IllegalArgumentException if it is no such state
     */
    public static LossPlateau of(PlateauRule rule, float[] state) {
        if (state.length != STATE) {
            throw new IllegalArgumentException(
                    "state of a plateau: found=" + state.length + " elements, expected=" + STATE);
        }
        LossPlateau plateau = new LossPlateau(rule);
        plateau.lowest = state[0];
        plateau.sum = state[1];
        plateau.steps = (int) state[2];
        plateau.since = (int) state[3];
        plateau.falls = (int) state[4];
        return plateau;
    }
}
