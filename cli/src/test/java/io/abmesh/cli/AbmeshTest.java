package io.abmesh.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

final class AbmeshTest {

    @TempDir Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void helpNamesEverySubcommandAndExitCode() {
        assertThat(run("--help")).isZero();
        assertThat(out.toString())
                .contains("run ", "teach ", "inspect ", "validate ", "130", "quickstart.yaml");
    }

    @Test
    void anUnknownOptionIsBadUsage() {
        assertThat(run("run", "--no-such")).isEqualTo(2);
        assertThat(err.toString())
                .isEqualTo(
                        """
                        abmesh: Unknown option: '--no-such'
                        abmesh: see abmesh run --help
                        """);
    }

    @Test
    void whatIsNearAnUnknownOptionIsNamed() {
        assertThat(run("run", "plan.yaml", "--student", "2")).isEqualTo(2);
        assertThat(err.toString()).contains("'--student'", "near=", "--students");
    }

    @Test
    void whatIsNearAnUnknownCommandIsNamed() {
        assertThat(run("rum", "plan.yaml")).isEqualTo(2);
        assertThat(err.toString()).contains("'rum'", "near=", "run");
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "localhost:", "localhost:0", "localhost:70000", "a b:1"})
    void aCoordinatorWithoutHostAndPortIsOneLine(String address) {
        assertThat(run("list", "--coordinator", address)).isEqualTo(2);
        assertThat(err.toString())
                .isEqualTo("abmesh: --coordinator: found=" + address + ", expected=HOST:PORT\n");
    }

    @Test
    void aCoordinatorThatIsNotThereIsNamedWithTheReason() throws IOException {
        String address;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            address = "127.0.0.1:" + free.getLocalPort();
        }
        assertThat(run("list", "--coordinator", address)).isEqualTo(3);
        assertThat(err.toString())
                .startsWith("abmesh: no coordinator at " + address + " (--coordinator): ")
                .contains("Connection refused");
    }

    @Test
    void noSubcommandIsBadUsage() {
        assertThat(run()).isEqualTo(2);
        assertThat(err.toString()).startsWith("abmesh: Missing required subcommand");
    }

    @Test
    void aMissingPlanIsOneLine() {
        Path missing = folder.resolve("missing.yaml");
        assertThat(run("run", missing.toString())).isEqualTo(2);
        assertThat(err.toString()).isEqualTo("abmesh: no such plan file: " + missing + "\n");
    }

    @Test
    void aMissingStudyIsOneLineToo() {
        Path missing = folder.resolve("missing.yaml");
        assertThat(run("compare", missing.toString())).isEqualTo(2);
        assertThat(err.toString()).isEqualTo("abmesh: no such study file: " + missing + "\n");
    }

    @Test
    void moreThanOneStudentIsRefused() {
        assertThat(run("run", "plan.yaml", "--students", "0")).isEqualTo(2);
        assertThat(err.toString()).isEqualTo("abmesh: --students: found=0, expected=1 to 64\n");
    }

    @Test
    void aRunIsResumedAsItWasBegun() {
        assertThat(run("run", "--resume", folder.toString(), "--seed", "4")).isEqualTo(2);
        assertThat(err.toString())
                .isEqualTo(
                        "abmesh: --set and --seed need a PLAN: a run is resumed as it was begun\n");
    }

    private int run(String... arguments) {
        CommandLine commandLine = Abmesh.commandLine();
        commandLine.setOut(new PrintWriter(out));
        commandLine.setErr(new PrintWriter(err));
        return commandLine.execute(arguments);
    }
}
