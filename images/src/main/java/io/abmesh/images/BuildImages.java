package io.abmesh.images;

import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.CredentialRetriever;
import com.google.cloud.tools.jib.api.ImageReference;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.JibContainerBuilder;
import com.google.cloud.tools.jib.api.RegistryImage;
import com.google.cloud.tools.jib.api.TarImage;
import com.google.cloud.tools.jib.api.buildplan.AbsoluteUnixPath;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import com.google.cloud.tools.jib.api.buildplan.Port;
import com.google.cloud.tools.jib.frontend.CredentialRetrieverFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Builds the images. Each has the base, then a layer of libraries, which change seldom, then a
 * layer of the program, then built-in teachers; it runs as a user without a name, needs no shell,
 * and writes to {@code /tmp} and to the folders that it is configured with only.
 *
 * <p>Arguments: checkout, base, Java launcher in the base, destination, tag, variant ({@code cpu}
 * or {@code cuda}, which builds the programs that compute and adds {@value #CUDA_SUFFIX} to their
 * tag and to the name of an archive); see the module's pom.
 */
public final class BuildImages {
    /** User and group of the process; the pods say the same. */
    private static final String USER = "65532:65532";

    private static final int GRPC_PORT = 7700;
    private static final int HTTP_PORT = 8080;
    private static final String APPLICATION = "/opt/abmesh/app";
    private static final String TEACHERS = "/opt/abmesh/teachers";
    private static final String TAR = "tar:";
    private static final String REGISTRY = "registry:";
    private static final String PREFIX = "abmesh/";
    private static final String CUDA_SUFFIX = "-cuda";
    private static final int ARGUMENTS = 6;

    private final Path root;
    private final String base;
    private final String java;
    private final String to;
    private final String tag;
    private final boolean cuda;

    private BuildImages(Path root, String base, String java, String to, String tag, boolean cuda) {
        this.root = root;
        this.base = base;
        this.java = java;
        this.to = to;
        this.cuda = cuda;
        this.tag = tag + suffix();
    }

    private String suffix() {
        return cuda ? CUDA_SUFFIX : "";
    }

    /** Builds all images. */
    public static void main(String[] arguments) throws Exception {
        if (arguments.length != ARGUMENTS) {
            throw new IllegalArgumentException(
                    "arguments: found="
                            + arguments.length
                            + ", expected=ROOT BASE JAVA TO TAG VARIANT");
        }
        boolean cuda = arguments[5].equals("cuda");
        BuildImages build =
                new BuildImages(
                        Path.of(arguments[0]),
                        arguments[1],
                        arguments[2],
                        arguments[3],
                        arguments[4],
                        cuda);
        for (Program program : Program.values()) {
            if (!cuda || program.computes()) {
                build.build(program);
            }
        }
    }

    private void build(Program program) throws Exception {
        Path application = root.resolve(program.module()).resolve("target/quarkus-app");
        JibContainerBuilder image =
                from().setFileEntriesLayers(layers(program, application))
                        .setUser(USER)
                        .setWorkingDirectory(AbsoluteUnixPath.get("/tmp"))
                        .setExposedPorts(Port.tcp(GRPC_PORT), Port.tcp(HTTP_PORT))
                        .setEnvironment(program.environment(cuda))
                        .setLabels(
                                Map.of(
                                        "org.opencontainers.image.title",
                                        "abmesh " + program.module(),
                                        "org.opencontainers.image.version",
                                        tag))
                        .setEntrypoint(entrypoint(program));
        String name = PREFIX + program.module() + ":" + tag;
        image.containerize(destination(program, name));
        System.out.println("image " + name + " -> " + to);
    }

    private JibContainerBuilder from() throws Exception {
        if (base.startsWith(TAR)) {
            return Jib.from(TarImage.at(Path.of(base.substring(TAR.length()))));
        }
        ImageReference reference = ImageReference.parse(name(base));
        return Jib.from(RegistryImage.named(reference).addCredentialRetriever(docker(reference)));
    }

    private Containerizer destination(Program program, String name) throws Exception {
        if (to.startsWith(TAR)) {
            Path folder = Path.of(to.substring(TAR.length()));
            Files.createDirectories(folder);
            Containerizer tar =
                    Containerizer.to(
                            TarImage.at(folder.resolve(program.module() + suffix() + ".tar"))
                                    .named(name));
            return base.startsWith(TAR) ? tar.setOfflineMode(true) : tar;
        }
        ImageReference reference =
                ImageReference.parse(name(to) + "/" + program.module() + ":" + tag);
        return Containerizer.to(
                RegistryImage.named(reference).addCredentialRetriever(docker(reference)));
    }

    private static String name(String location) {
        if (!location.startsWith(REGISTRY)) {
            throw new IllegalArgumentException(
                    "location: found=%s, expected=%s... or %s..."
                            .formatted(location, TAR, REGISTRY));
        }
        return location.substring(REGISTRY.length());
    }

    private static CredentialRetriever docker(ImageReference reference) throws IOException {
        return CredentialRetrieverFactory.forImage(reference, event -> {}).dockerConfig();
    }

    private List<FileEntriesLayer> layers(Program program, Path application) throws IOException {
        List<FileEntriesLayer> layers = new ArrayList<>();
        AbsoluteUnixPath target = AbsoluteUnixPath.get(APPLICATION);
        layers.add(
                FileEntriesLayer.builder()
                        .setName("libraries")
                        .addEntryRecursive(application.resolve("lib"), target.resolve("lib"))
                        .build());
        layers.add(
                FileEntriesLayer.builder()
                        .setName("program")
                        .addEntryRecursive(application.resolve("app"), target.resolve("app"))
                        .addEntryRecursive(
                                application.resolve("quarkus"), target.resolve("quarkus"))
                        .addEntry(
                                application.resolve("quarkus-run.jar"),
                                target.resolve("quarkus-run.jar"))
                        .build());
        if (program.teachers()) {
            layers.add(
                    FileEntriesLayer.builder()
                            .setName("teachers")
                            .addEntryRecursive(
                                    root.resolve("deploy/teachers"), AbsoluteUnixPath.get(TEACHERS))
                            .build());
        }
        return layers;
    }

    private List<String> entrypoint(Program program) {
        List<String> entrypoint = new ArrayList<>();
        entrypoint.add(java);
        entrypoint.addAll(program.flags());
        entrypoint.add("-jar");
        entrypoint.add(APPLICATION + "/quarkus-run.jar");
        return entrypoint;
    }
}
