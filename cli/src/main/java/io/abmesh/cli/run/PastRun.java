package io.abmesh.cli.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What an earlier command left in the folder of a run.
 *
 * @param planSha256 digest of its complete plan
 * @param finished true if every file of the result is there
 */
public record PastRun(String planSha256, boolean finished) {

    /**
     * Looks into a folder; empty if no run was begun there.
     *
     * @throws IOException if its record cannot be read
     */
    public static Optional<PastRun> in(Path folder) throws IOException {
        if (!RunFolder.isRun(folder)) {
            return Optional.empty();
        }
        boolean finished =
                RunFolder.ARTIFACTS.stream()
                        .allMatch(name -> Files.isRegularFile(folder.resolve(name)));
        return Optional.of(new PastRun(RunFolder.readRecord(folder).planSha256(), finished));
    }
}
