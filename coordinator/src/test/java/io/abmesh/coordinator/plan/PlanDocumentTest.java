package io.abmesh.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.run.TestingPlans;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class PlanDocumentTest {
    @ParameterizedTest
    @MethodSource("plans")
    void readingItAgainGivesTheSamePlan(String yaml, List<String> changes) {
        CompletePlan plan = PlanReader.read(yaml, changes);
        String document = PlanDocument.of(plan.plan()).toString();
        assertThat(PlanReader.read(document, List.of()).plan()).isEqualTo(plan.plan());
    }

    static List<Arguments> plans() {
        return List.of(
                arguments(TestingPlans.distilled()),
                arguments(TestingPlans.supervised()),
                arguments(TestingPlans.distilled(), "compare.crossEntropy=false"),
                arguments(
                        TestingPlans.distilled(),
                        "phases[0].losses={kind: boundary, reduction: authors}"),
                arguments(
                        TestingPlans.distilled(),
                        "phases[1].schedule=cosine",
                        "seed=-9007199254740991"),
                arguments(TestingPlans.distilled(), "phases[1].optimizer.momentum=0"),
                arguments(
                        TestingPlans.distilled(),
                        "phases[1].losses=[{kind: dkd, targetWeight: 0},"
                                + " {kind: dist, interWeight: 0}]"));
    }

    private static Arguments arguments(String yaml, String... changes) {
        return Arguments.of(yaml, List.of(changes));
    }
}
