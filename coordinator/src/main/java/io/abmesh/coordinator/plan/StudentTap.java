package io.abmesh.coordinator.plan;

/** A tap of a student: its name and the shape of one sample there, {@code [C, H, W]}. */
public record StudentTap(String name, int channels, int height, int width) {
    /** Returns {@code [C, H, W]}. */
    String shape() {
        return "[" + channels + ", " + height + ", " + width + "]";
    }
}
