package io.abmesh.student.process;

import io.abmesh.nn.engine.Engine;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import org.nd4j.linalg.factory.Nd4j;

/** What computes, for the provenance of a run. */
final class Versions {
    private Versions() {}

    /** Returns version strings by name. Starts ND4J, which takes a second or two. */
    static Map<String, String> of(String program, Optional<String> commit) {
        Map<String, String> versions = new TreeMap<>();
        String backend = Nd4j.getBackend().getClass().getSimpleName();
        versions.put("abmesh", program);
        commit.ifPresent(known -> versions.put("commit", known));
        versions.put("java", System.getProperty("java.vm.version"));
        versions.put("nd4j", nd4j());
        versions.put("backend", backend);
        versions.put("library", Engine.library());
        versions.put(
                "platform",
                System.getProperty("os.name")
                        + "-"
                        + System.getProperty("os.arch")
                        + " "
                        + backend
                        + " "
                        + Engine.library());
        return versions;
    }

    /** ND4J's manifest has no version, the description that Maven leaves in its archive has. */
    private static String nd4j() {
        Properties properties = new Properties();
        try (InputStream file =
                Nd4j.class.getResourceAsStream(
                        "/META-INF/maven/org.nd4j/nd4j-api/pom.properties")) {
            if (file != null) {
                properties.load(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read ND4J's version", e);
        }
        return properties.getProperty("version", "unknown");
    }
}
