package io.abmesh.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * Schemas of a current Kubernetes, of the Prometheus operator and of cert-manager: the npm packages
 * {@code kubernetes-models}, {@code @kubernetes-models/prometheus-operator} and {@code
 * @kubernetes-models/cert-manager}, and Node to run them. They know types, required fields and
 * allowed values; that no field is unknown, they do not check.
 *
 * @param folder that npm installed the packages in
 */
public record Schemas(Path folder) {

    /** Names such a folder. */
    private static final String FOLDER = "abmesh.schemas";

    /** Returns the schemas, nothing if there are none. */
    public static Optional<Schemas> find() {
        return Optional.ofNullable(System.getProperty(FOLDER))
                .map(folder -> new Schemas(Path.of(folder).toAbsolutePath()));
    }

    /** Returns the reason of a test that is skipped because there are none. */
    public static String missing() {
        return "no schemas here: npm install --prefix DIR kubernetes-models"
                + " @kubernetes-models/prometheus-operator @kubernetes-models/cert-manager, then"
                + " -D%s=DIR".formatted(FOLDER);
    }

    /**
     * Checks objects.
     *
     * @param objects in JSON
     * @return a line for each that does not fit, or of whose kind there is no schema
     */
    public List<String> problems(Collection<String> objects)
            throws IOException, InterruptedException {
        Path script = Files.createTempFile("check-schemas", ".mjs");
        try {
            try (InputStream source = Schemas.class.getResourceAsStream("check-schemas.mjs")) {
                Files.write(script, source.readAllBytes());
            }
            Process node =
                    new ProcessBuilder("node", script.toString(), folder.toString())
                            .redirectErrorStream(true)
                            .start();
            try (OutputStream input = node.getOutputStream()) {
                input.write(("[" + String.join(",", objects) + "]").getBytes(UTF_8));
            }
            String output = new String(node.getInputStream().readAllBytes(), UTF_8);
            if (node.waitFor() != 0) {
                throw new IllegalStateException("schemas cannot be read: " + output);
            }
            return output.lines().toList();
        } finally {
            Files.delete(script);
        }
    }
}
