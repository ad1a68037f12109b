package io.abmesh.cli;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.cli.progress.Console;
import io.abmesh.cli.study.StudySession;
import io.abmesh.proto.v1.ExpandStudyResponse;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code abmesh compare}: runs a study on this machine. */
@Command(
        name = "compare",
        description = {
            "Compares several ways to train one student, over seeds and shares of the training data.",
            "The same command goes on where it was interrupted; a run that is done is not repeated."
        },
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class CompareCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "STUDY", description = "The study, a YAML file.")
    private @Nullable Path study;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Folder for the runs and the result; runs/STUDY unless said.")
    private @Nullable Path out;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = {
                "Change the study, for example --set base.data.location=DIR. May be repeated.",
                "A relative path is relative to the study."
            })
    private List<String> changes = List.of();

    @Option(
            names = "--dry-run",
            description = "Check the study, show its runs and how long they may take; run nothing.")
    private boolean dryRun;

    @Override
    public Integer call() throws InterruptedException {
        PlanText text = PlanText.readStudy(requireNonNull(study, "STUDY"), changes);
        Path folder = out != null ? out : Path.of("runs", text.stem());
        Console console = Consoles.standardOutput();
        StudySession session =
                new StudySession(
                        Installation.fromSystemProperty(),
                        text,
                        folder,
                        console,
                        Clock.system(ZoneId.systemDefault()));
        // Before the launcher's answer to signals: the check has its own, and nothing to resume.
        ExpandStudyResponse grid = session.check();
        if (dryRun) {
            session.show(grid);
            return ExitCode.DONE.number();
        }
        return RunLauncher.launch(
                console,
                () -> session.run(grid),
                () -> {
                    session.interrupt();
                    return Optional.of(
                            "./abmesh compare '%s' --out '%s'%s"
                                    .formatted(
                                            text.file(),
                                            folder,
                                            changes.isEmpty() ? "" : " and the same --set"));
                });
    }
}
