package io.abmesh.student.run;

import io.abmesh.student.fetch.FetchSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * What a student-worker goes by, apart from its runs.
 *
 * @param checkpointDirectory folder of checkpoints
 * @param checkpointsKept newest ones that stay, at least 1
 * @param exportDirectory folder of exported files
 * @param fetch limits of fetching ahead
 * @param stopGrace time for the step in hand to end and a last checkpoint to be written
 * @param versions of what computes, for provenance
 */
public record RunnerSettings(
        Path checkpointDirectory,
        int checkpointsKept,
        Path exportDirectory,
        FetchSettings fetch,
        Duration stopGrace,
        Map<String, String> versions) {
    public RunnerSettings {
        versions = Map.copyOf(versions);
    }
}
