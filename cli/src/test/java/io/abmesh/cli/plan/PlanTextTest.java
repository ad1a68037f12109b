package io.abmesh.cli.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.cli.error.CliException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PlanTextTest {

    @TempDir Path folder;

    @Test
    void isReadWithTheFolderThatItsPathsAreRelativeTo() throws IOException {
        Path file = folder.resolve("my.v1.yaml");
        Files.writeString(file, "name: x\n");

        PlanText plan = PlanText.read(file, List.of("seed=3"));

        assertThat(plan).isEqualTo(new PlanText(file, folder, "name: x\n", List.of("seed=3")));
        assertThat(plan.stem()).isEqualTo("my.v1");
    }

    @Test
    void refusesWhatIsNoPlanFile() throws IOException {
        Path missing = folder.resolve("missing.yaml");
        Path binary = folder.resolve("binary.yaml");
        Files.write(binary, new byte[] {(byte) 0xff, (byte) 0xfe});
        Path tooLong = folder.resolve("long.yaml");
        Files.write(tooLong, new byte[PlanText.MAX_BYTES + 1]);

        assertRefused(missing, "no such plan file: " + missing);
        assertRefused(folder, "not a plan file but a folder: " + folder);
        assertRefused(binary, "plan file is not UTF-8 text: " + binary);
        assertRefused(
                tooLong,
                "plan file too long: " + tooLong + ": found=262145 bytes, expected at most 262144");
    }

    @Test
    void refusesAnOverrideWithoutAKey() {
        assertThatThrownBy(() -> new PlanText(Path.of("p"), folder, "", List.of("=3")))
                .isInstanceOf(CliException.class)
                .hasMessage("--set takes KEY=VALUE, for example phases[0].epochs=2: found==3");
    }

    private static void assertRefused(Path file, String message) {
        assertThatThrownBy(() -> PlanText.read(file, List.of()))
                .isInstanceOf(CliException.class)
                .hasMessage(message);
    }
}
