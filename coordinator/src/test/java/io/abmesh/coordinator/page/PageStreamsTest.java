package io.abmesh.coordinator.page;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.run.Loop;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.coordinator.run.TestingClock;
import io.abmesh.coordinator.run.TestingRuns;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.coordinator.worker.TeacherMember;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Turns come when the test says so; nothing runs. */
final class PageStreamsTest {
    @TempDir Path directory;

    private final Loop loop = new Loop();
    private RunStore store;
    private Runs runs;
    private PageStreams streams;

    /** A browser that reads everything. */
    private static final class Browser implements PageStreams.Sink {
        private final List<JsonNode> meshes = new ArrayList<>();

        @Override
        public boolean ready() {
            return true;
        }

        @Override
        public void send(Cursor position, ObjectNode update) {
            if (update.has("mesh")) {
                meshes.add(update.get("mesh"));
            }
        }

        @Override
        public void beat() {}

        @Override
        public void end() {}
    }

    @BeforeEach
    void start() throws IOException {
        TestingClock clock = new TestingClock();
        store = RunStore.open(directory.resolve("store"), clock, new SplittableRandom(1));
        runs =
                new Runs(
                        TestingRuns.parts(directory, loop, store, Runnable::run, clock),
                        Optional.empty(),
                        new CoordinatorMeters(new SimpleMeterRegistry()));
        runs.start("127.0.0.1:1");
        streams = new PageStreams(runs, 2);
    }

    @AfterEach
    void stop() {
        streams.close();
        loop.close();
        runs.close();
        store.close();
    }

    @Test
    void whoComesAfterAQuietTimeSeesTheMeshAsItIs() {
        Browser first = new Browser();
        look(first);
        streams.remove(first);
        streams.turn();
        TeacherMember teacher =
                new TeacherMember(1, "teacher-0", "127.0.0.1:1", "5".repeat(64), Optional.empty());
        loop.execute(() -> runs.workerListener().teacherJoined(teacher));

        Browser next = new Browser();
        look(next);

        assertThat(first.meshes.get(0).path("teachers")).isEmpty();
        assertThat(next.meshes).hasSize(1);
        assertThat(next.meshes.get(0).path("teachers")).hasSize(1);
    }

    @Test
    void whoIsFirstSeesAMeshOfNobodyWithAllOfItsLists() {
        Browser browser = new Browser();
        look(browser);

        assertThat(browser.meshes)
                .singleElement()
                .hasToString("{\"work\":[],\"teachers\":[],\"students\":[]}");
    }

    private void look(Browser browser) {
        assertThat(streams.add(new Cursor(Map.of()), browser)).isTrue();
        streams.turn();
    }
}
