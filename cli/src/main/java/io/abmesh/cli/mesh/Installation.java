package io.abmesh.cli.mesh;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where the programs and the built-in models are.
 *
 * @param root the checkout, absolute
 * @param commit that the programs were built from, if it is known
 */
public record Installation(Path root, Optional<String> commit) {

    /** System property that names the checkout; set by the {@code abmesh} script. */
    public static final String ROOT_PROPERTY = "abmesh.root";

    /** System property that names the commit; set by the {@code abmesh} script where it knows. */
    public static final String COMMIT_PROPERTY = "abmesh.commit";

    /** Start of the name of a model that comes with abmesh. */
    public static final String BUILTIN = "builtin:";

    /** Start of the address of a model in an object store. */
    public static final String OBJECT = "s3://";

    public Installation {
        requireNonNull(root, "root");
        requireNonNull(commit, "commit");
        if (!root.isAbsolute()) {
            throw new IllegalArgumentException("not absolute: " + root);
        }
    }

    /**
     * Returns the installation that {@value #ROOT_PROPERTY} names.
     *
     * @throws CliException if the property is absent
     */
    public static Installation fromSystemProperty() {
        String root = System.getProperty(ROOT_PROPERTY);
        if (root == null) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "start it with the abmesh script, or name the checkout with -D"
                            + ROOT_PROPERTY);
        }
        return new Installation(
                Path.of(root).toAbsolutePath().normalize(),
                Optional.ofNullable(System.getProperty(COMMIT_PROPERTY))
                        .filter(commit -> !commit.isBlank()));
    }

    /** Returns the Java launcher that runs this process. */
    public Path java() {
        return Path.of(System.getProperty("java.home"), "bin", "java");
    }

    /**
     * Returns the program of a role.
     *
     * @throws CliException if it is not built
     */
    public Path program(Role role) {
        Path program = root.resolve(role.module()).resolve("target/quarkus-app/quarkus-run.jar");
        if (!Files.isRegularFile(program)) {
            throw new CliException(
                    ExitCode.WORKER_FAILED,
                    "the %s is not built: no %s".formatted(role.module(), program));
        }
        return program;
    }

    /**
     * Returns where a teacher-worker finds a model: the file of {@code builtin:NAME}, an absolute
     * path as it is, or an address in an object store as it is.
     *
     * @throws CliException if there is no such built-in model or no such file
     */
    public String model(String model) {
        if (model.startsWith(OBJECT)) {
            return model;
        }
        if (model.startsWith(BUILTIN)) {
            String name = model.substring(BUILTIN.length());
            Path file = root.resolve("deploy/teachers").resolve(name + "-wrn.onnx");
            if (!name.matches("[a-z0-9-]+") || !Files.isRegularFile(file)) {
                throw new CliException(
                        ExitCode.BAD_INPUT,
                        "no such built-in teacher: found=%s, expected=builtin:fashion-mnist"
                                .formatted(model));
            }
            return file.toString();
        }
        Path file = Path.of(model);
        if (!Files.isRegularFile(file)) {
            throw new CliException(ExitCode.BAD_INPUT, "no such model file: " + model);
        }
        return file.toString();
    }
}
