package io.abmesh.nn.export;

/**
 * The comparison that an exported file has passed.
 *
 * @param sha256 of the file, lower-case hex
 * @param sizeBytes its length
 * @param imageCount images compared
 * @param maxDifference largest absolute difference of a logit
 * @param scale {@code max(1, largest absolute logit of the trained network)}; {@code maxDifference}
 *     is at most {@link #MAX_RELATIVE_DIFFERENCE} of it
 */
public record ExportCheck(
        String sha256, long sizeBytes, int imageCount, double maxDifference, double scale) {
    /** Largest difference accepted, as a share of {@link #scale}: {@value}. */
    public static final double MAX_RELATIVE_DIFFERENCE = 1e-4;
}
