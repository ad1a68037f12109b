package io.abmesh.coordinator.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.run.RunRecord;
import io.abmesh.coordinator.run.TestingClock;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.error.MeshException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunQueryTest {
    @TempDir Path directory;

    @Test
    void runsAreGivenNewestFirstAndAtMostAHundredAtATime() {
        List<RunRecord> runs = runs(RunQuery.PAGE + 20);

        RunQuery.Answer first = RunQuery.of(null, null, null).answer(runs);
        RunQuery.Answer second = RunQuery.of("", "", "100").answer(runs);
        RunQuery.Answer third = RunQuery.of("", "", "1000").answer(runs);

        assertThat(names(first)).hasSize(100).startsWith("Run-119").endsWith("Run-20");
        assertThat(names(second)).hasSize(20).startsWith("Run-19").endsWith("Run-0");
        assertThat(names(third)).isEmpty();
        assertThat(List.of(first, second, third))
                .allSatisfy(
                        answer -> {
                            assertThat(answer.all()).isEqualTo(120);
                            assertThat(answer.found()).isEqualTo(120);
                        });
    }

    @Test
    void runsAreFoundByNameIdAndState() {
        List<RunRecord> runs = runs(20);
        String id = runs.get(7).folder().runId();

        assertThat(names(RunQuery.of(" run-1", "pending", null).answer(runs)))
                .hasSize(11)
                .contains("Run-1", "Run-10", "Run-19");
        assertThat(names(RunQuery.of(id, null, null).answer(runs))).containsExactly("Run-7");
        assertThat(names(RunQuery.of("", "failed", null).answer(runs))).isEmpty();
        assertThat(RunQuery.of("", "failed", null).answer(runs).all()).isEqualTo(20);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "3000000000", "ten"})
    void aPlaceThatIsNoneIsRefused(String from) {
        assertThatThrownBy(() -> RunQuery.of("", "", from))
                .isInstanceOf(MeshException.class)
                .hasMessage("from: found=" + from + ", expected=0 to 2147483647");
    }

    private static List<String> names(RunQuery.Answer answer) {
        return answer.page().stream().map(record -> record.snapshot().getPlanName()).toList();
    }

    /** Makes runs, each a second younger than the one before. */
    private List<RunRecord> runs(int count) {
        TestingClock clock = new TestingClock();
        List<RunRecord> runs = new ArrayList<>();
        try (RunStore store =
                RunStore.open(directory.resolve("store"), clock, new SplittableRandom(1))) {
            for (int i = 0; i < count; i++) {
                clock.advance(Duration.ofSeconds(1));
                String name = "name=Run-" + i;
                CompletePlan plan = PlanReader.read(TestingPlans.supervised(), List.of(name));
                runs.add(
                        RunRecord.open(
                                store.create(
                                        name,
                                        TestingPlans.supervised(),
                                        List.of(name),
                                        plan,
                                        directory),
                                clock));
            }
        }
        return runs;
    }
}
