package io.abmesh.coordinator.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.abmesh.coordinator.report.ReportPage;
import io.abmesh.coordinator.report.RunReport;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.v1.RunState;
import java.io.IOException;

/** Writes what a run leaves behind beside its checkpoints. */
final class ResultFiles {
    private static final String JSON = "report.json";
    private static final String HTML = "report.html";

    private ResultFiles() {}

    /**
     * Writes the reports.
     *
     * @param state in which the run ends
     * @throws io.abmesh.proto.error.MeshException STORE_FULL
     */
    static void write(OpenedRun run, RunState state) {
        RunFolder folder = run.record().folder();
        RunLog log = run.log();
        RunReport report =
                new RunReport(
                        run.record().snapshot().toBuilder().setState(state).build(),
                        folder.plan().plan(),
                        run.world(),
                        run.teacher(),
                        log.history(),
                        log.versions(),
                        log.parameterCount(),
                        log.refusedCounts());
        publish(folder, JSON, report.toJson());
        publish(folder, HTML, ReportPage.html(report).getBytes(UTF_8));
    }

    private static void publish(RunFolder folder, String name, byte[] content) {
        try {
            folder.publish(name, content);
        } catch (IOException e) {
            throw RunStore.unusable(folder.file(name), e);
        }
    }
}
