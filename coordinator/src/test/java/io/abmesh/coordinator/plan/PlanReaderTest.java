package io.abmesh.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;

import io.abmesh.data.image.ImageShape;
import io.abmesh.data.source.ImageDatasets;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.Track;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PlanReaderTest {
    private static final String GOOD =
            """
            name: quick
            data:
              location: builtin:fashion-mnist
              train: {images: 500}
              augmentation: {flip: true}
            teacher:
              model: builtin:fashion-mnist
            student:
              network: wrn-10-1
            batch: 64
            phases:
              - name: boundary
                epochs: 20
                losses: boundary
              - name: kd
                epochs: 40
                losses:
                  - {kind: kd, temperature: 4, temperatureSquared: true}
                  - {kind: crossEntropy, weight: 0.1}
                schedule: cosine
            """;

    private static final DataFacts FACTS = new DataFacts(new ImageShape(1, 28, 28), 10, 500, 2000);

    @Test
    void everyDefaultIsFilledIn() {
        Plan plan = PlanReader.read(GOOD, List.of()).plan();

        assertThat(plan.getSeed()).isEqualTo(1);
        assertThat(plan.getMicroBatches()).isEqualTo(1);
        assertThat(plan.getData().getTrain().getBalanced()).isTrue();
        assertThat(plan.getData().getTest().getFraction()).isEqualTo(1);
        assertThat(plan.getTeacher().getTapsList()).containsExactly("auto");
        assertThat(plan.getCompare().getCrossEntropy()).isTrue();
        assertThat(plan.getPhases(0).getLosses(0).getKind()).isEqualTo(LossKind.LOSS_KIND_BOUNDARY);
        assertThat(plan.getPhases(0).getLosses(0).getScale()).isEqualTo(50);
        assertThat(plan.getPhases(0).getOptimizer().getWeightDecay()).isEqualTo(5e-4);
        assertThat(plan.getPhases(0).getSchedule().getKind())
                .isEqualTo(ScheduleKind.SCHEDULE_KIND_CONSTANT);
        assertThat(plan.getPhases(1).getLosses(0).getTemperature()).isEqualTo(4);
        assertThat(plan.getPhases(1).getSchedule().getKind())
                .isEqualTo(ScheduleKind.SCHEDULE_KIND_COSINE);
    }

    @Test
    void allProblemsAreToldAtOnceWithLineAndKey() {
        String bad =
                GOOD.replace("batch: 64", "batch: 63\nmicroBatches: 2\nbatsh: 3")
                        .replace("wrn-10-1", "wrn-12-1")
                        .replace("epochs: 20", "epochs: many")
                        .replace("temperature: 4", "temperature: -4");

        assertThat(problems(bad))
                .containsExactlyInAnyOrder(
                        "student.network 9:12: WRN depth must be 6n + 4 with n >= 1: found=12, near=10",
                        "batsh 12:1: unknown key: found=batsh, near=[batch, data, name, phases, seed]",
                        "microBatches 11:15: found=2, expected=a divisor of batch=63",
                        "phases[0].epochs 15:13: wrong type: found=many, expected=a number",
                        "phases[1].losses[0].temperature 20:33: found=-4.0, expected=more than 0");
    }

    @ParameterizedTest(name = "{0} -> {1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "name: quick      | name: a b        | name 1:7: found=a b, expected=letters, digits, - and ., up to 63",
                "losses: boundary | losses: boundry  | phases[0].losses[0].kind 14:13: unknown value: found=boundry, expected one of=[boundary, kd, crossEntropy, l1, l2, fitNet, ofd, attention, fsp, dkd, dist, centeredLogits]",
                "flip: true       | flip: yes        | data.augmentation.flip 5:24: wrong type: found=yes, expected=true or false",
                "images: 500      | fraction: 1.5    | data.train.fraction 4:21: found=1.5, expected=more than 0, at most 1",
                "name: kd         | name: boundary   | phases[1].name 15:11: found=boundary, expected=a name of its own",
                "schedule: cosine | schedule: {kind: steps, at: [0.6, 0.3]} | phases[1].schedule.at[1] 20:39: found=0.3, expected=ascending, between 0 and 1",
            })
    void aWrongValueIsToldWhereItStands(String good, String bad, String expected) {
        assertThat(problems(GOOD.replace(good, bad))).containsExactly(expected);
    }

    @Test
    void aSeedThatABrowserWouldShowAsAnotherIsRefused() {
        String expected = "expected=-9007199254740991 to 9007199254740991, that JSON keeps exactly";

        assertThat(problems(GOOD + "seed: 9007199254740992\n"))
                .containsExactly("seed 21:7: found=9007199254740992, " + expected);
        assertThat(problems(GOOD.replace("images: 500", "images: 500, seed: -9007199254740992")))
                .containsExactly("data.train.seed 4:30: found=-9007199254740992, " + expected);
        assertThat(PlanReader.read(GOOD, List.of("seed=-9007199254740991")).plan().getSeed())
                .isEqualTo(-9007199254740991L);
    }

    @Test
    void aKeyGivenTwiceIsRefused() {
        assertThat(problems(GOOD + "batch: 32\n"))
                .containsExactly("batch 21:1: key is given twice: found=batch");
    }

    @Test
    void whatIsNotYamlIsToldWithItsPlace() {
        assertThat(problems("name: [a\nb: c: d"))
                .singleElement()
                .asString()
                .matches(" 2:\\d+: not YAML: .*");
        assertThat(problems("just text"))
                .containsExactly(
                        " 1:1: plan is not a mapping: found=just text, expected=keys and values");
        assertThat(problems(""))
                .containsExactly(
                        " 1:1: plan is not a mapping: found=nothing, expected=keys and values");
    }

    @Test
    void overridesAreAppliedBeforeThePlanIsChecked() {
        Plan plan =
                PlanReader.read(
                                GOOD,
                                List.of(
                                        "phases[0].epochs=0.5",
                                        "data.location=/some where/x",
                                        "seed=7",
                                        "compare={crossEntropy: false, lastPhaseOnly: true}"))
                        .plan();

        assertThat(plan.getPhases(0).getEpochs()).isEqualTo(0.5);
        assertThat(plan.getData().getLocation()).isEqualTo("/some where/x");
        assertThat(plan.getSeed()).isEqualTo(7);
        assertThat(plan.getCompare().getLastPhaseOnly()).isTrue();
        assertThat(plan.getCompare().getCrossEntropy()).isFalse();
    }

    @Test
    void aBadOverrideIsToldAsOne() {
        assertThat(problems(GOOD, "phases[9].epochs=1", "nonsense", "seed=x", "batch=99999999999"))
                .containsExactlyInAnyOrder(
                        "phases[9].epochs --set: leads nowhere: found=phases[9].epochs, expected=a key of the plan",
                        " --set: found=nonsense, expected=KEY=VALUE",
                        "seed --set: wrong type: found=x, expected=a whole number",
                        "batch --set: wrong type: found=99999999999, expected=a whole number up to 2147483647");
    }

    @Test
    void theHashIsOfTheContentNotOfTheNameOrTheForm() {
        CompletePlan one = PlanReader.read(GOOD, List.of());
        CompletePlan other =
                PlanReader.read(
                        GOOD.replace("name: quick", "name: other") + "microBatches: 1\nseed: 1\n",
                        List.of());

        assertThat(other.sha256()).isEqualTo(one.sha256()).hasSize(64);
        assertThat(PlanReader.read(GOOD, List.of("seed=2")).sha256()).isNotEqualTo(one.sha256());
    }

    @Test
    void tracksAreNumberedThroughTheRunAndHaveEquallyManySteps() {
        Plan plan = PlanReader.read(GOOD, List.of("compare.lastPhaseOnly=true")).plan();

        List<Track> tracks = TrackPlanner.tracks(plan, 500);

        assertThat(tracks.stream().map(Track::getName))
                .containsExactly("cross-entropy", "last-phase-only", "distilled");
        // 20 and 40 epochs of 500 in batches of 64: 156 and 313 steps
        assertThat(tracks.get(0).getPhases(0).getEndStep()).isEqualTo(469);
        assertThat(tracks.get(2).getPhases(0).getStartStep()).isEqualTo(938);
        assertThat(tracks.get(2).getPhases(0).getEndStep()).isEqualTo(938 + 156);
        assertThat(tracks.get(2).getPhases(1).getEndStep()).isEqualTo(3 * 469);
        assertThat(tracks.stream().map(Track::getExport)).containsExactly(false, false, true);
    }

    @Test
    void tapsPairUpInOrder() {
        PlanMatch match =
                PlanAgainstWorld.match(
                        PlanReader.read(GOOD, List.of()), FACTS, teacher(10, "auto").build());

        assertThat(match.teacherTaps().stream().map(TapDescription::getName))
                .containsExactly("t1", "t2", "t3");
        assertThat(match.studentTaps().stream().map(StudentTap::name))
                .containsExactly("block2.layer.0.bn1", "block3.layer.0.bn1", "bn1");
    }

    @Test
    void aPlanThatDoesNotFitItsTeacherOrDataIsRefusedWithEveryProblem() {
        CompletePlan plan =
                PlanReader.read(GOOD, List.of("teacher.taps=[t1, tee2, t3]", "batch=512"));

        assertThatThrownBy(() -> PlanAgainstWorld.match(plan, FACTS, teacher(100, "x").build()))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e ->
                                assertThat(
                                                e.fieldViolations().stream()
                                                        .map(
                                                                v ->
                                                                        v.field()
                                                                                + " "
                                                                                + v.description()))
                                        .containsExactly(
                                                "batch --set: batch is larger than the data: found=512, max=500 training images",
                                                "teacher.model 7:10: class counts differ: teacher=100, data=10; only centeredLogits compares other classes",
                                                "teacher.taps[1] --set: teacher has no such tap: found=tee2, near=[t2, t1, t3]"));
    }

    @Test
    void viewsAndNormalizationThatDoNotFitTheImagesAreRefused() {
        CompletePlan plan =
                PlanReader.read(
                        GOOD,
                        List.of(
                                "data.augmentation.crop=28",
                                "data.normalization={mean: [1, 2, 3], std: [1]}",
                                "teacher.normalization={mean: [0], std: [0]}"));

        assertThat(PlanAgainstWorld.check(plan, FACTS))
                .extracting(problem -> problem.path() + " " + problem.message())
                .containsExactly(
                        "data.augmentation.crop crop is not smaller than the image: found=28, image=[1, 28, 28]",
                        "data.normalization.mean found=3 values, expected=one for each of 1 channels",
                        "teacher.normalization.std found=[0.0], expected=positive finite numbers, and 1/std finite");
    }

    @ParameterizedTest(name = "mean {0}, std {1}")
    @CsvSource({
        "NaN, 1, 'data.normalization.mean found=[NaN], expected=finite numbers'",
        "1e39, 1, 'data.normalization.mean found=[Infinity], expected=finite numbers'",
        "0, 1e39, 'data.normalization.std found=[Infinity], expected=positive finite numbers, and 1/std finite'",
        "0, 1.0e-40, 'data.normalization.std found=[1.0E-40], expected=positive finite numbers, and 1/std finite'"
    })
    void normalizationThatGivesNoFiniteInputIsRefused(String mean, String std, String problem) {
        CompletePlan plan =
                PlanReader.read(
                        GOOD,
                        List.of("data.normalization={mean: [%s], std: [%s]}".formatted(mean, std)));

        assertThat(PlanAgainstWorld.check(plan, FACTS))
                .extracting(found -> found.path() + " " + found.message())
                .containsExactly(problem);
    }

    @Test
    void subsetsThatCannotBeChosenAreToldWhereTheyAreAskedFor() {
        CompletePlan plan =
                PlanReader.read(
                        GOOD.replace("images: 500", "images: 5000"),
                        List.of("data.test.fraction=0.0001", "student.taps=[bn]"));

        assertThat(
                        PlanAgainstWorld.check(
                                plan, ImageDatasets.open(ImageDatasets.BUILT_IN, Path.of("/"))))
                .extracting(PlanProblem::path, PlanProblem::description)
                .startsWith(
                        tuple(
                                "data.train.images",
                                "4:19: more images are wanted than there are: found=4000, expected>=5000"),
                        tuple(
                                "data.test.fraction",
                                "--set: the subset is empty: fraction=1.0E-4 of 2000 images"))
                .extracting(problem -> problem.toList().get(0))
                .contains("student.taps[0]");
    }

    @Test
    void anEmptySplitIsRefused() {
        DataFacts empty = new DataFacts(new ImageShape(1, 28, 28), 10, 500, 0);

        assertThat(PlanAgainstWorld.check(PlanReader.read(GOOD, List.of()), empty))
                .extracting(problem -> problem.path() + " " + problem.message())
                .containsExactly("data.test split is empty: found=0 images, min=1");
    }

    @Test
    void tapsOfDifferentSpatialSizeAreRefusedWithBothShapes() {
        CompletePlan plan = PlanReader.read(GOOD, List.of("teacher.taps=[t2, t2, t3]"));

        assertThatThrownBy(() -> PlanAgainstWorld.match(plan, FACTS, teacher(10, "x").build()))
                .hasMessageContaining(
                        "taps have different spatial sizes: student block2.layer.0.bn1=[16, 28, 28], teacher t2=[64, 14, 14]");
    }

    private static DescribeTeacherResponse.Builder teacher(int classes, String model) {
        DescribeTeacherResponse.Builder teacher =
                DescribeTeacherResponse.newBuilder()
                        .setModelName(model)
                        .setClassCount(classes)
                        .addAllAutoTaps(List.of("t1", "t2", "t3"));
        for (int i = 0; i < 3; i++) {
            teacher.addTaps(
                    TapDescription.newBuilder()
                            .setName("t" + (i + 1))
                            .setTensor("tensor" + i)
                            .addAllSampleShape(List.of(32L << i, 28L >> i, 28L >> i)));
        }
        return teacher;
    }

    private static List<String> problems(String yaml, String... overrides) {
        MeshException refused =
                catchThrowableOfType(
                        MeshException.class, () -> PlanReader.read(yaml, List.of(overrides)));
        assertThat(refused).isNotNull();
        assertThat(refused.reason()).isEqualTo(ErrorReason.INVALID_PLAN);
        return refused.fieldViolations().stream()
                .map(v -> v.field() + " " + v.description())
                .toList();
    }
}
