package io.abmesh.nn.teacher;

/**
 * Lets DL4J's layers compute with oneDNN, which its release 1.0.0-M2.1 leaves off. The other half
 * of the repair is {@link org.nd4j.nativeblas.Nd4jCpu}.
 */
final class Dl4jHelpers {
    /** DL4J's own property; whoever sets it, to either value, is obeyed. */
    static final String DISABLE = "org.eclipse.deeplearning4j.helpers.disable";

    private Dl4jHelpers() {}

    /** Holds for the layers made from now on, in the whole process. */
    static void enable() {
        if (System.getProperty(DISABLE) == null) {
            System.setProperty(DISABLE, "false");
        }
    }
}
