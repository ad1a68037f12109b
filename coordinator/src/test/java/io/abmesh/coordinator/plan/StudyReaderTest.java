package io.abmesh.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class StudyReaderTest {
    private static final String GOOD =
            """
            name: tiny
            base:
              data:
                location: builtin:fashion-mnist
                augmentation: {flip: true}
              teacher: {model: teacher.onnx}
              student: {network: wrn-10-1}
              batch: 16
              phases:
                - {name: labels, epochs: 4, losses: crossEntropy}
            methods:
              - name: cross-entropy
              - name: boundary-kd
                plan:
                  batch: 32
                  data: {augmentation: {crop: 2}}
                  phases:
                    - {name: boundary, epochs: 1, losses: boundary}
                    - {name: kd, epochs: 3, losses: kd}
            seeds: [1, 2]
            fractions: [0.01, 0.1]
            """;

    @Test
    void everyMethodRunsAtEveryFractionWithTheFirstSeedBeforeTheNext() {
        CompleteStudy study = StudyReader.read(GOOD, List.of());

        assertThat(study.plans())
                .extracting(StudyPlan::method, StudyPlan::fraction, StudyPlan::seed)
                .containsExactly(
                        tuple("cross-entropy", 0.01, 1L),
                        tuple("boundary-kd", 0.01, 1L),
                        tuple("cross-entropy", 0.1, 1L),
                        tuple("boundary-kd", 0.1, 1L),
                        tuple("cross-entropy", 0.01, 2L),
                        tuple("boundary-kd", 0.01, 2L),
                        tuple("cross-entropy", 0.1, 2L),
                        tuple("boundary-kd", 0.1, 2L));
        assertThat(study.study().getBaseline()).isEqualTo("cross-entropy");
        assertThat(study.study().getParallel()).isEqualTo(1);
    }

    @Test
    void aMethodIsMergedIntoTheBaseKeyByKeyAndReplacesLists() {
        Plan plan = StudyReader.read(GOOD, List.of()).plans().get(3).plan().plan();

        assertThat(plan.getName()).isEqualTo("tiny-boundary-kd");
        assertThat(plan.getBatch()).isEqualTo(32);
        assertThat(plan.getSeed()).isEqualTo(1);
        assertThat(plan.getData().getTrain().getFraction()).isEqualTo(0.1);
        assertThat(plan.getData().getTrain().getBalanced()).isTrue();
        assertThat(plan.getData().getAugmentation().getFlip()).isTrue();
        assertThat(plan.getData().getAugmentation().getCrop()).isEqualTo(2);
        assertThat(plan.getPhasesList()).extracting("name").containsExactly("boundary", "kd");
        assertThat(plan.getCompare().getCrossEntropy()).isFalse();
    }

    @Test
    void aMethodThatNeedsNoTeacherGoesWithoutOne() {
        CompletePlan plan = StudyReader.read(GOOD, List.of()).plans().get(0).plan();

        assertThat(plan.plan().hasTeacher()).isFalse();
        assertThat(plan.warnings()).isEmpty();
        assertThat(plan.plan().getPhases(0).getLosses(0).getKind())
                .isEqualTo(LossKind.LOSS_KIND_CROSS_ENTROPY);
    }

    @Test
    void thePlanOfARunIsTheSameWhenItIsWrittenDownAndReadAgain() {
        for (StudyPlan studyPlan : StudyReader.read(GOOD, List.of()).plans()) {
            Plan plan = studyPlan.plan().plan();
            assertThat(PlanReader.read(PlanDocument.of(plan).toPrettyString(), List.of()).plan())
                    .isEqualTo(plan);
        }
    }

    @Test
    void withoutFractionsTheBaseSaysHowManyImages() {
        String yaml =
                GOOD.replace("fractions: [0.01, 0.1]\n", "")
                        .replace("{flip: true}", "{flip: true}\n    train: {images: 64}");

        CompleteStudy study = StudyReader.read(yaml, List.of());

        assertThat(study.plans()).hasSize(4).extracting(StudyPlan::fraction).containsOnly(0.0);
        assertThat(study.plans().get(1).plan().plan().getData().getTrain().getImages())
                .isEqualTo(64);
    }

    @Test
    void overridesAreAppliedToTheStudyBeforeItsPlansAreMade() {
        CompleteStudy study =
                StudyReader.read(
                        GOOD, List.of("base.teacher.model=/m.onnx", "seeds=[7]", "parallel=2"));

        assertThat(study.plans()).hasSize(4).extracting(StudyPlan::seed).containsOnly(7L);
        assertThat(study.plans().get(1).plan().plan().getTeacher().getModel()).isEqualTo("/m.onnx");
        assertThat(study.study().getParallel()).isEqualTo(2);
    }

    @Test
    void aFirstLookIsAtOneFraction() {
        CompleteStudy study = StudyReader.read(GOOD, List.of("fractions=0.01"));

        assertThat(study.plans()).hasSize(4).extracting(StudyPlan::fraction).containsOnly(0.01);
    }

    @Test
    void whatIsWrongWithThePlansIsToldOnceWhereItStands() {
        String yaml = GOOD.replace("wrn-10-1", "wrn-11-1").replace("epochs: 3", "epochs: -3");

        assertThat(problems(yaml))
                .containsExactly(
                        "student.network 7:22: " + networkProblem(),
                        "phases[1].epochs 19:30: found=-3.0, expected=more than 0, at most 1,000,000"
                                + " (method boundary-kd)");
    }

    @Test
    void allProblemsOfTheStudyItselfAreToldAtOnce() {
        String yaml =
                GOOD.replace("name: tiny", "name: a b")
                        .replace("name: boundary-kd", "name: cross-entropy")
                        .replace("batch: 32", "bach: 32")
                        .replace("[1, 2]", "[1, 1]")
                        .replace("0.1]", "1.5]");

        assertThat(problems(yaml))
                .containsExactly(
                        "methods[1].plan.bach 15:7: unknown key: found=bach,"
                                + " near=[batch, data, name, seed, teacher]",
                        "name 1:7: found=a b, expected=letters, digits, - and ., up to 31",
                        "methods[1] 13:5: found=cross-entropy, expected=each once",
                        "seeds[1] 20:12: found=1, expected=each once",
                        "fractions[1] 21:19: found=1.5, expected=more than 0, at most 1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "batch: 16 | seed: 3 | base.seed",
                "batch: 32 | compare: {lastPhaseOnly: true} | methods[1].plan.compare",
                "augmentation: {flip: true} | train: {images: 5} | base.data.train.images",
                "{augmentation: {crop: 2}} | {train: {images: 5}} | methods[1].plan.data.train",
                "{augmentation: {crop: 2}} | {test: {images: 5}} | methods[1].plan.data.test",
                "{augmentation: {crop: 2}} | {location: elsewhere} | methods[1].plan.data.location"
            })
    void whatTheStudyDecidesIsNotSaidAgain(String good, String bad, String path) {
        assertThat(problems(GOOD.replace(good, bad)))
                .singleElement()
                .asString()
                .startsWith(path + " ")
                .contains("found=a value, expected=nothing");
    }

    @Test
    void theBaselineIsAMethodOfTheStudy() {
        assertThat(problems(GOOD + "baseline: kd\n"))
                .containsExactly(
                        "baseline 22:11: found=kd, expected=one of [cross-entropy, boundary-kd]");
    }

    @Test
    void moreRunsThanAStudyMayHaveAreRefused() {
        String many = "seeds=" + IntStream.range(0, 251).boxed().toList();

        MeshException refused =
                catchThrowableOfType(
                        MeshException.class, () -> StudyReader.read(GOOD, List.of(many)));

        assertThat(refused).hasMessageContaining("found=1004 runs, expected=at most 1000");
    }

    @ParameterizedTest
    @MethodSource("studiesOfThisProject")
    void theMethodsOfAStudyTakeTheSameNumberOfEpochs(Path file) throws IOException {
        CompleteStudy study = StudyReader.read(Files.readString(file), List.of());

        assertThat(study.plans()).isNotEmpty();
        for (StudyPlan run : study.plans()) {
            Plan plan = run.plan().plan();
            assertThat(run.plan().warnings()).isEmpty();
            assertThat(plan.getPhasesList().stream().mapToDouble(PhasePlan::getEpochs).sum())
                    .as(run.method())
                    .isEqualTo(60);
        }
    }

    private static List<Path> studiesOfThisProject() throws IOException {
        Path folder = Path.of(System.getProperty("abmesh.root")).resolve("deploy/studies");
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    private static String networkProblem() {
        return StudentGeometry.problemWithName("wrn-11-1");
    }

    private static List<String> problems(String yaml) {
        MeshException refused =
                catchThrowableOfType(MeshException.class, () -> StudyReader.read(yaml, List.of()));
        return refused.fieldViolations().stream()
                .map(violation -> violation.field() + " " + violation.description())
                .toList();
    }
}
