package io.abmesh.coordinator.cluster.decision;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.RoleResources;
import io.abmesh.coordinator.cluster.resource.StorageSpec;
import io.abmesh.coordinator.cluster.resource.TeacherRange;
import io.abmesh.coordinator.cluster.resource.WorkerResources;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SpecCheckTest {
    private static final DistillationRunSpec GOOD =
            DistillationRunSpec.of(JsonNodeFactory.instance.objectNode().put("name", "one"));

    @Test
    void aSpecOfDefaultsIsGood() {
        assertThat(SpecCheck.problems("one", GOOD, null)).isEmpty();
        assertThat(SpecCheck.problems("one", GOOD.withStudents(3), GOOD)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "nvidia.com/gpu, true",
        "nvidia.com/mig-1g.5gb, true",
        "gpu, false",
        "nvidia.com/, false",
        "NVIDIA.com/gpu, false",
        "nvidia.com/gpu/one, false"
    })
    void gpusAreNamedAsNodesOfferThem(String name, boolean good) {
        DistillationRunSpec spec =
                new DistillationRunSpec(
                        GOOD.plan(),
                        1,
                        GOOD.teachers(),
                        new RoleResources(
                                new WorkerResources(1, "8Gi", 1, name), GOOD.resources().teacher()),
                        GOOD.storage(),
                        GOOD.image(),
                        false);
        assertThat(SpecCheck.problems("one", spec, null))
                .isEqualTo(
                        good
                                ? List.of()
                                : List.of(
                                        "spec.resources.student.gpuResource: found="
                                                + name
                                                + ", expected=DOMAIN/NAME, for example nvidia.com/gpu"));
    }

    @Test
    void aNumberThatTheApiServerWroteInAnotherWayIsNoOtherPlan() {
        DistillationRunSpec one =
                DistillationRunSpec.of(JsonNodeFactory.instance.objectNode().put("epochs", 1.0));
        assertThat(
                        SpecCheck.problems(
                                "one",
                                one.withPlan(
                                        JsonNodeFactory.instance.objectNode().put("epochs", 1)),
                                one))
                .isEmpty();
    }

    @Test
    void allProblemsAreToldAtOnce() {
        WorkerResources little = new WorkerResources(1, "512Mi", 0, "nvidia.com/gpu");
        DistillationRunSpec bad =
                new DistillationRunSpec(
                        JsonNodeFactory.instance.objectNode().put("name", "two"),
                        1,
                        new TeacherRange(5, 2),
                        new RoleResources(little, GOOD.resources().teacher()),
                        new StorageSpec("20Gi", null),
                        GOOD.image(),
                        false);
        assertThat(SpecCheck.problems("one", bad, GOOD))
                .containsExactly(
                        "spec.teachers.min: found=5, expected=at most spec.teachers.max=2",
                        "spec.resources.student.memory: found=512Mi, expected=2048Mi or more",
                        "spec.plan: found=another plan, expected=the plan that the run began with;"
                                + " make another DistillationRun for another plan",
                        "spec.storage: found=StorageSpec[size=20Gi, className=null], expected=what"
                                + " the run began with: StorageSpec[size=10Gi, className=null]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2percent",
                "cifar10.v2",
                "a-name-of-more-than-the-forty-letters-that-are-left",
                "one-"
            })
    void aNameThatNoServiceCanHaveIsToldBeforeTheRunBegins(String name) {
        assertThat(SpecCheck.problems(name, GOOD, null))
                .containsExactly(
                        "metadata.name: found="
                                + name
                                + ", expected=lower-case letters, digits and -, a letter first, at most 40");
        assertThat(SpecCheck.problems(name, GOOD, GOOD)).as("begun before").isEmpty();
    }
}
