package io.abmesh.nn.training;

import io.abmesh.nn.network.FeatureShape;

/**
 * What stands between a student tap and the loss. A dense tap {@code [D]} is a feature map of one
 * position, so that the convolution is a linear layer there.
 */
public enum ConnectorPolicy {
    /** {@link #IDENTITY} where channel counts are equal, else {@link #CONV1X1BN}. */
    AUTO,
    /** Nothing; refused where channel counts differ. */
    IDENTITY,
    /** 1x1 convolution without bias, then batch norm. */
    CONV1X1BN;

    /**
     * Returns whether a connector with parameters is needed.
     *
     * @throws TapShapeException if the pair cannot be compared
     */
    boolean convolves(TapPair pair, FeatureShape student) {
        FeatureShape teacher = pair.teacherShape();
        if (student.rows() != teacher.rows() || student.columns() != teacher.columns()) {
            throw new TapShapeException(
                    "taps have different spatial sizes: student "
                            + pair.studentTap()
                            + "="
                            + student
                            + ", teacher "
                            + pair.teacherTap()
                            + "="
                            + teacher);
        }
        boolean equal = student.channels() == teacher.channels();
        if (this == IDENTITY && !equal) {
            throw new TapShapeException(
                    "identity connector between different channel counts: student "
                            + pair.studentTap()
                            + "="
                            + student
                            + ", teacher "
                            + pair.teacherTap()
                            + "="
                            + teacher);
        }
        return this == CONV1X1BN || (this == AUTO && !equal);
    }
}
