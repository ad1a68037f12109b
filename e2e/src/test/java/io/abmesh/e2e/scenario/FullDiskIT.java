package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.Report;
import io.abmesh.e2e.harness.TinyPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that fills up stops a run by name and loses nothing. */
final class FullDiskIT {

    private static final long TIMEOUT_SECONDS = 240;

    /** Exit code of the scripts where the system allows no mount of one's own. */
    private static final int NO_MOUNT = 99;

    /**
     * Takes the number of students and the command line of abmesh; the disk is one of memory that
     * ends with the script. 800 kB hold one checkpoint of the student with its momentum, but not
     * the next beside it.
     */
    private static final String SCRIPT =
            """
            students=$1
            shift
            mount -t tmpfs -o size=800k small out || exit 99
            set -- "$@" run
            "$@" plan.yaml --out out --students $students --set microBatches=4 \\
                > first.txt 2> first-errors.txt
            echo $? > first-exit.txt
            mount -o remount,size=64m out || exit 99
            "$@" --resume out > second.txt 2> second-errors.txt
            echo $? > second-exit.txt
            cp out/report.json .
            """;

    @TempDir Path folder;

    @Test
    void aCheckpointThatDoesNotFitStopsTheRunWhichGoesOnOnceThereIsSpace()
            throws IOException, InterruptedException {
        requireStopAndResume(1);
    }

    @Tag("long")
    @Test
    void soDoesOneOfSeveralStudents() throws IOException, InterruptedException {
        requireStopAndResume(3);
    }

    private void requireStopAndResume(int students) throws IOException, InterruptedException {
        TinyPlan.write(folder);
        AbmeshCommand.run(
                        folder,
                        "run",
                        "plan.yaml",
                        "--out",
                        "undisturbed",
                        "--set",
                        "microBatches=4")
                .requireExit(0);
        Files.createDirectory(folder.resolve("out"));

        onSmallDisk(students);

        assertThat(lines("first-errors.txt"))
                .singleElement()
                .asString()
                .matches("abmesh: cannot write the checkpoint: file=.*No space left.*resume.*");
        assertThat(lines("first-exit.txt")).containsExactly("3");
        assertThat(lines("second-errors.txt")).isEmpty();
        assertThat(lines("second-exit.txt")).containsExactly("0");
        assertThat(Report.of(folder).text("parametersSha256"))
                .isEqualTo(Report.of(folder.resolve("undisturbed")).text("parametersSha256"));
    }

    private void onSmallDisk(int students) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "unshare",
                                "--mount",
                                "--map-root-user",
                                "sh",
                                "-c",
                                SCRIPT,
                                "sh",
                                "" + students));
        command.addAll(AbmeshCommand.line());
        Process script =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("script.txt").toFile())
                        .start();
        assertThat(script.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)).isTrue();
        assumeTrue(script.exitValue() != NO_MOUNT, () -> "no mount of one's own here");
        assertThat(script.exitValue()).isZero();
    }

    private List<String> lines(String file) throws IOException {
        return Files.readAllLines(folder.resolve(file));
    }
}
