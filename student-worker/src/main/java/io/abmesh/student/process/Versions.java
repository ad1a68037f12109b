package io.abmesh.student.process;

import java.util.Map;
import java.util.TreeMap;
import org.nd4j.linalg.factory.Nd4j;

/** What computes, for the provenance of a run. */
final class Versions {
    private Versions() {}

    /** Returns version strings by name. Starts ND4J, which takes a second or two. */
    static Map<String, String> of(String program) {
        Map<String, String> versions = new TreeMap<>();
        String backend = Nd4j.getBackend().getClass().getSimpleName();
        versions.put("abmesh", program);
        versions.put("java", System.getProperty("java.vm.version"));
        versions.put("nd4j", implementationVersion(Nd4j.class));
        versions.put("backend", backend);
        versions.put(
                "platform",
                System.getProperty("os.name")
                        + "-"
                        + System.getProperty("os.arch")
                        + " "
                        + backend);
        return versions;
    }

    private static String implementationVersion(Class<?> type) {
        String version = type.getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }
}
