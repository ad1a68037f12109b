package io.abmesh.cli.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.cli.error.CliException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunFolderTest {

    @TempDir Path temporary;

    @Test
    void remembersTheRunThatWasBegunInIt() throws IOException {
        Path path = temporary.resolve("with space/run");
        RunRecord record = record(path);
        try (RunFolder folder = RunFolder.take(path)) {
            assertThat(folder.record()).isEmpty();
            folder.begin(record, "name: x\n");
            folder.discardIfNotBegun();
        }

        assertThat(RunFolder.isRun(path)).isTrue();
        try (RunFolder folder = RunFolder.take(path)) {
            assertThat(folder.record()).contains(record);
            assertThat(folder.planFile()).hasContent("name: x\n");
        }
    }

    @Test
    void leavesThePlanAsItIsWhenTheRunIsResumed() throws IOException {
        Path path = temporary.resolve("run");
        FileTime longAgo = FileTime.fromMillis(0);
        try (RunFolder folder = RunFolder.take(path)) {
            folder.begin(record(path), "name: x\n");
            Files.setLastModifiedTime(folder.planFile(), longAgo);
            folder.begin(record(path), "name: x\n");

            assertThat(Files.getLastModifiedTime(folder.planFile())).isEqualTo(longAgo);
        }
    }

    @Test
    void replacesThePlanAsAWhole() throws IOException {
        Path path = temporary.resolve("run");
        try (RunFolder folder = RunFolder.take(path)) {
            folder.begin(record(path), "name: x\n");
            Path before = temporary.resolve("before.yaml");
            Files.createLink(before, folder.planFile());
            folder.begin(record(path), "name: x # with a comment\n");

            assertThat(folder.planFile()).hasContent("name: x # with a comment\n");
            assertThat(before).hasContent("name: x\n");
        }
    }

    @Test
    void refusesAFolderOfOtherThings() throws IOException {
        Files.writeString(temporary.resolve("thesis.tex"), "do not touch");

        assertThatThrownBy(() -> RunFolder.take(temporary))
                .isInstanceOf(CliException.class)
                .hasMessage(temporary + " is neither empty nor the folder of a run");
        assertThat(temporary.resolve("thesis.tex")).exists();
    }

    @Test
    void takesAFolderInWhichACommandWasKilledBeforeItsRunWasBegun() throws IOException {
        Path path = temporary.resolve("run");
        RunFolder killed = RunFolder.take(path);
        Files.createDirectories(killed.store().resolve("journal"));
        Files.createDirectories(killed.logs());
        Files.writeString(killed.logs().resolve("coordinator.log"), "x");
        Files.writeString(killed.meshFile().file(), "[]");
        Files.writeString(killed.planFile(), "name: x");
        Files.writeString(killed.path().resolve("plan.yaml.tmp"), "name: to");
        Files.writeString(killed.path().resolve("run.json.tmp"), "{");
        killed.close();

        try (RunFolder folder = RunFolder.take(path)) {
            assertThat(folder.record()).isEmpty();
        }
    }

    @Test
    void refusesAFolderWithOurNamesThatNobodyTook() throws IOException {
        Files.createDirectory(temporary.resolve("logs"));

        assertThatThrownBy(() -> RunFolder.take(temporary))
                .isInstanceOf(CliException.class)
                .hasMessageEndingWith(" is neither empty nor the folder of a run");
    }

    @Test
    void keepsWhatOthersPutThereMeanwhile() throws IOException {
        Path path = temporary.resolve("run");
        Path thesis = path.resolve("thesis.tex");
        try (RunFolder folder = RunFolder.take(path)) {
            Files.createDirectories(folder.logs());
            Files.writeString(thesis, "do not touch");
            folder.discardIfNotBegun();
        }

        assertThat(path.toFile().list()).containsExactly("thesis.tex");
    }

    @Test
    void refusesAFile() throws IOException {
        Path file = temporary.resolve("file");
        Files.writeString(file, "");

        assertThatThrownBy(() -> RunFolder.take(file))
                .isInstanceOf(CliException.class)
                .hasMessage("not a folder: " + file);
    }

    @Test
    void leavesNothingBehindWhenNoRunWasBegun() throws IOException {
        Path path = temporary.resolve("run");
        try (RunFolder folder = RunFolder.take(path)) {
            Files.createDirectories(folder.store().resolve("deep"));
            Files.writeString(folder.store().resolve("deep/file"), "x");
            folder.discardIfNotBegun();
        }

        assertThat(path).doesNotExist();
    }

    @Test
    void leavesAFolderThatWasThereBefore() throws IOException {
        Path path = Files.createDirectory(temporary.resolve("run"));
        try (RunFolder folder = RunFolder.take(path)) {
            Files.createDirectories(folder.store());
            folder.discardIfNotBegun();
        }

        assertThat(path).isEmptyDirectory();
    }

    private static RunRecord record(Path path) {
        return new RunRecord(
                "request-1",
                Path.of("/plans/x.yaml"),
                Path.of("/plans"),
                List.of("seed=3", "name=a b"),
                "abcd",
                3,
                1,
                2,
                path.resolve("cache"));
    }
}
