package io.abmesh.cli;

import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.cli.run.PlanCheck;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code abmesh validate}: checks a plan and tells every problem. */
@Command(
        name = "validate",
        description = {
            "Checks a plan against its data, and tells every problem with its line and key.",
            "A local teacher's file has to be there; what is in it is not looked at."
        },
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class ValidateCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "PLAN", description = "The plan, a YAML file.")
    private @Nullable Path plan;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Change the plan first, as run does. May be repeated.")
    private List<String> changes = List.of();

    @Override
    public Integer call() throws InterruptedException {
        PlanText text = PlanText.read(java.util.Objects.requireNonNull(plan, "PLAN"), changes);
        PlanCheck.check(Installation.fromSystemProperty(), text, Consoles.standardOutput());
        return 0;
    }
}
