package io.abmesh.coordinator.plan;

/**
 * A tap of a student: its name and the shape of one sample there, {@code [C, H, W]}; a dense tap
 * {@code [D]} has {@code D} channels of one row and one column.
 */
public record StudentTap(String name, int channels, int height, int width) {
    /** Returns whether it has no places to compare, only neurons. */
    boolean dense() {
        return height == 1 && width == 1;
    }

    /** Returns {@code [C, H, W]}, or {@code [D]}. */
    String shape() {
        return dense() ? "[" + channels + "]" : "[" + channels + ", " + height + ", " + width + "]";
    }

    /** Returns name and shape. */
    @Override
    public String toString() {
        return name + "=" + shape();
    }
}
