package io.abmesh.coordinator.process;

import io.abmesh.coordinator.run.MeshState;
import io.abmesh.kube.Waiting;
import java.time.Duration;

/** Who is in front of a coordinator in a test. */
final class TestingMesh {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private TestingMesh() {}

    /** Waits until exactly so many workers have joined. */
    static void awaitWorkers(CoordinatorProcess coordinator, int students, int teachers) {
        Waiting.until(
                students + " students and " + teachers + " teachers are there",
                PATIENCE,
                () -> {
                    MeshState mesh = coordinator.runs().mesh();
                    return mesh.students().size() == students && mesh.teachers().size() == teachers;
                });
    }
}
