package io.abmesh.nn.loss;

/** How the boundary loss adds up neurons and taps. */
public enum Reduction {
    /**
     * The authors': sum over neurons / N, taps weighted 1, 1/2, 1/4 from the last to the first,
     * times {@value #AUTHORS_SMALL_IMAGE} for images up to {@value #SMALL_IMAGE} pixels and {@value
     * #AUTHORS_LARGE_IMAGE} for larger ones.
     */
    AUTHORS,
    /** A scale times the sum over taps of the mean over neurons and samples. */
    MEAN;

    /** Largest side of an image that counts as small: {@value}. */
    public static final int SMALL_IMAGE = 64;

    /** Factor of the authors' CIFAR script: {@value}. */
    public static final double AUTHORS_SMALL_IMAGE = 3.0 / 1000;

    /** Factor of the authors' script for 224 x 224: {@value}. */
    public static final double AUTHORS_LARGE_IMAGE = 1.0 / 1000;

    /**
     * Returns the factor of one neuron's term in the sum over neurons, samples and taps.
     *
     * @param tap number of the tap, from 0 for the first
     * @param taps number of taps
     * @param samples N
     * @param neurons neurons of the tap per sample
     * @param imageSide larger side of the image
     * @param scale used by {@link #MEAN}
     */
    public double factor(int tap, int taps, int samples, int neurons, int imageSide, double scale) {
        if (this == MEAN) {
            return scale / samples / neurons;
        }
        double weight = Math.pow(0.5, taps - 1.0 - tap);
        return weight
                / samples
                * (imageSide <= SMALL_IMAGE ? AUTHORS_SMALL_IMAGE : AUTHORS_LARGE_IMAGE);
    }
}
