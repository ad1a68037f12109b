package org.nd4j.nativeblas;

import org.nd4j.linalg.factory.Nd4j;

/**
 * Stands where DL4J 1.0.0-M2.1 looks for ND4J's native class, which that release moved to another
 * package. DL4J asks it, by reflection, whether oneDNN may be used; without an answer it drops its
 * oneDNN helpers and computes convolutions an order of magnitude slower.
 *
 * <p>No part of abmesh calls this class. It goes when DL4J looks in the right place; see {@code
 * docs/decisions/0005}.
 */
public final class Nd4jCpu {
    private Nd4jCpu() {}

    /** The part of the class that DL4J asks. */
    public static final class Environment {
        private static final Environment INSTANCE = new Environment();

        private Environment() {}

        /** Called by DL4J. */
        public static Environment getInstance() {
            return INSTANCE;
        }

        /** Called by DL4J: whether native helpers, that is oneDNN, are allowed. */
        public boolean isUseMKLDNN() {
            return Nd4j.getEnvironment().helpersAllowed();
        }
    }
}
