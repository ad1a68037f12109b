package io.abmesh.cli;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.proto.process.PlainNumbers;
import java.io.PrintWriter;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command {@code abmesh}. */
@Command(
        name = "abmesh",
        description = "Distils a large network into a small one by its activation boundaries.",
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class,
        subcommands = {
            RunCommand.class,
            TeachCommand.class,
            CompareCommand.class,
            InspectCommand.class,
            ValidateCommand.class,
            SubmitCommand.class,
            ListCommand.class,
            WatchCommand.class,
            RunOrder.Suspend.class,
            RunOrder.Resume.class,
            RunOrder.Cancel.class,
            GetCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:done",
            "2:bad plan, bad file or bad usage",
            "3:a worker, or a run of a study, failed for good",
            "130:interrupted; the state of the run is kept"
        },
        footer = {
            "",
            "A first run, with a teacher and images that are built in:",
            "  ./abmesh run deploy/plans/quickstart.yaml"
        })
final class Abmesh {

    // Held, since the logging system keeps loggers by weak references.
    private static final Logger GRPC = Logger.getLogger("io.grpc");

    /** Made by picocli only. */
    Abmesh() {}

    /** Runs the command and ends the process with its exit code. */
    public static void main(String[] arguments) {
        // What a person must know comes as one line of our own.
        GRPC.setLevel(Level.OFF);
        PlainNumbers.everywhere();
        System.exit(commandLine().execute(arguments));
    }

    /** Returns the command with its subcommands and the handlers of its errors. */
    static CommandLine commandLine() {
        CommandLine commandLine = new CommandLine(new Abmesh());
        commandLine.setParameterExceptionHandler(
                (e, arguments) -> {
                    PrintWriter err = e.getCommandLine().getErr();
                    err.println("abmesh: " + e.getMessage() + near(e));
                    err.println(
                            "abmesh: see abmesh %s --help"
                                    .formatted(
                                            e.getCommandLine().getParent() == null
                                                    ? ""
                                                    : e.getCommandLine().getCommandName())
                                    .replace("  ", " "));
                    return ExitCode.BAD_INPUT.number();
                });
        commandLine.setExecutionExceptionHandler(
                (e, command, parsed) -> {
                    if (e instanceof CliException known) {
                        known.lines().forEach(command.getErr()::println);
                        return known.exitCode().number();
                    }
                    command.getErr().println("abmesh: unexpected error: " + e);
                    e.printStackTrace(command.getErr());
                    return ExitCode.WORKER_FAILED.number();
                });
        commandLine.setUsageHelpAutoWidth(true);
        return commandLine;
    }

    /** What may have been meant by a word that is not known. */
    private static String near(ParameterException e) {
        return e instanceof UnmatchedArgumentException unmatched
                        && !unmatched.getSuggestions().isEmpty()
                ? ", near=" + unmatched.getSuggestions()
                : "";
    }
}
