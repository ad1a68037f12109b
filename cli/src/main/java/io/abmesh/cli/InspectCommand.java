package io.abmesh.cli;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.inspect.ModelInspection;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.progress.Console;
import io.abmesh.cli.run.StandAloneTeacher;
import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.source.ImageDatasets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code abmesh inspect}: shows where a model can be tapped and what fires there. */
@Command(
        name = "inspect",
        description = {
            "Shows where a model can be tapped, and what fires there on sample images:",
            "the share of active neurons, and of those that never or always fire."
        },
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class InspectCommand implements Callable<Integer> {

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "An ONNX file, a DL4J archive, a Keras file, or builtin:fashion-mnist.")
    private @Nullable String model;

    @Option(
            names = "--data",
            paramLabel = "LOCATION",
            defaultValue = "builtin:fashion-mnist",
            description =
                    "Images to look with, as in a plan's data.location; ${DEFAULT-VALUE} unless said.")
    private String data = "";

    @Option(
            names = "--images",
            paramLabel = "N",
            defaultValue = "256",
            description = "How many; ${DEFAULT-VALUE} unless said.")
    private int images;

    @Option(
            names = "--trusted",
            description = "Allow a DL4J archive, whose format names Java classes.")
    private boolean trusted;

    @Override
    public Integer call() throws InterruptedException {
        if (images < 1) {
            throw new CliException(
                    ExitCode.BAD_INPUT, "--images: found=%d, expected=1 or more".formatted(images));
        }
        Installation installation = Installation.fromSystemProperty();
        String location = requireNonNull(model, "MODEL");
        boolean path =
                !location.startsWith(Installation.BUILTIN)
                        && !location.startsWith(Installation.OBJECT);
        String found =
                installation.model(
                        path
                                ? Path.of(location).toAbsolutePath().normalize().toString()
                                : location);
        Console console = Consoles.standardOutput();
        ModelInspection inspection = new ModelInspection(dataset(), images, console);
        try {
            StandAloneTeacher.with(installation, found, trusted, inspection::inspect);
            return ExitCode.DONE.number();
        } finally {
            console.settle();
        }
    }

    private ImageDataset dataset() {
        if (data.startsWith(Installation.OBJECT)) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "--data: found=%s, expected=a path or builtin:fashion-mnist; images of an object store are for runs"
                            .formatted(data));
        }
        try {
            return ImageDatasets.open(data, Path.of("").toAbsolutePath());
        } catch (DatasetException e) {
            throw new CliException(ExitCode.BAD_INPUT, String.valueOf(e.getMessage()), e);
        }
    }
}
