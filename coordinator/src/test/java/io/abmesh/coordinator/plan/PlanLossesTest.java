package io.abmesh.coordinator.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.abmesh.data.image.ImageShape;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Responses;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.SchedulePlan;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.TapPrecision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Terms of a loss in a plan: their defaults, their ranges, and what they ask of a teacher. */
final class PlanLossesTest {
    private static final String PLAN =
            """
            name: losses
            data: {location: builtin:fashion-mnist}
            teacher: {model: teacher.onnx}
            student: {network: wrn-10-1}
            phases:
              - name: one
                epochs: 1
                losses: [LOSSES]
            """;

    private static final DataFacts FACTS = new DataFacts(new ImageShape(1, 28, 28), 10, 500, 2000);

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "boundary, 50",
        "l1, 50",
        "l2, 50",
        "fitNet, 100",
        "ofd, 16",
        "attention, 1000",
        "fsp, 1",
        "centeredLogits, 10"
    })
    void everyMeanHasItsScale(String kind, double scale) {
        assertThat(loss(kind).getScale()).isEqualTo(scale);
        assertThat(loss("{kind: " + kind + ", scale: 7}").getScale()).isEqualTo(7);
    }

    @Test
    void lossesOfLogitsHaveTheirAuthorsNumbers() {
        LossPlan dkd = loss("dkd");
        LossPlan dist = loss("dist");

        assertThat(dkd.getTemperature()).isEqualTo(4);
        assertThat(dkd.getTargetWeight()).isEqualTo(1);
        assertThat(dkd.getNonTargetWeight()).isEqualTo(8);
        assertThat(dist.getTemperature()).isEqualTo(1);
        assertThat(dist.getInterWeight()).isEqualTo(1);
        assertThat(dist.getIntraWeight()).isEqualTo(1);
    }

    @Test
    void responsesAreComparedBehindAReluUnlessThePlanSaysOtherwise() {
        assertThat(loss("l2").getResponses()).isEqualTo(Responses.RESPONSES_RECTIFIED);
        assertThat(loss("{kind: l2, responses: raw}").getResponses())
                .isEqualTo(Responses.RESPONSES_RAW);
    }

    @Test
    void onlyAPlanThatReadsValuesHasAPrecision() {
        assertThat(plan("boundary").getTeacher().getPrecision())
                .isEqualTo(TapPrecision.TAP_PRECISION_UNSPECIFIED);
        assertThat(plan("ofd").getTeacher().getPrecision())
                .isEqualTo(TapPrecision.TAP_PRECISION_FLOAT16);
    }

    @Test
    void aPhaseThatLeavesTheClassifierAloneHasAConstantRate() {
        assertThat(plan("ofd, attention").getPhases(0).getSchedule().getKind())
                .isEqualTo(ScheduleKind.SCHEDULE_KIND_CONSTANT);
        assertThat(plan("ofd, crossEntropy").getPhases(0).getSchedule().getKind())
                .isEqualTo(ScheduleKind.SCHEDULE_KIND_STEPS);
    }

    @Test
    void aPlateauHasAFactorAndAPatience() {
        SchedulePlan schedule =
                PlanReader.read(PLAN.replace("LOSSES", "kd"), List.of("phases[0].schedule=plateau"))
                        .plan()
                        .getPhases(0)
                        .getSchedule();

        assertThat(schedule)
                .isEqualTo(
                        SchedulePlan.newBuilder()
                                .setKind(ScheduleKind.SCHEDULE_KIND_PLATEAU)
                                .setFactor(0.2)
                                .setPlateauEpochs(5)
                                .build());
    }

    @Test
    void aBoundaryLossMayFindItsScale() {
        LossPlan loss = loss("{kind: boundary, scale: auto}");

        assertThat(loss.getScaleAuto()).isTrue();
        assertThat(loss.getScale()).isZero();
        assertThat(loss("{kind: boundary, scaleAuto: true}")).isEqualTo(loss);
        assertThat(
                        PlanReader.read(
                                        PLAN.replace("LOSSES", "{kind: boundary}"),
                                        List.of("phases[0].losses[0].scale=auto"))
                                .plan()
                                .getPhases(0)
                                .getLosses(0))
                .isEqualTo(loss);
    }

    @Test
    void aPhaseThatIsTooShortToFindItsScaleIsRefused() {
        assertThat(
                        PlanAgainstWorld.check(
                                PlanReader.read(
                                        PLAN.replace("LOSSES", "{kind: boundary, scale: auto}"),
                                        List.of("batch=50", "phases[0].epochs=7.9")),
                                FACTS))
                .extracting(problem -> problem.path() + " " + problem.message())
                .containsExactly(
                        "phases[0].epochs phase is too short for scale: auto: found=79 steps, min=80");
    }

    @Test
    void aCompletePlanReadsAgainAsItself() {
        Plan plan =
                plan(
                        "{kind: boundary, scale: auto}, {kind: fitNet, taps: [1, 3]}, {kind: kd, standardized: true}, {kind: dkd},"
                                + " {kind: crossEntropy, labelSmoothing: 0.1}");

        assertThat(PlanReader.read(PlanDocument.of(plan).toString(), List.of()).plan())
                .isEqualTo(plan);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            value = {
                "{kind: kd, margin: 1}            | margin: found=1.0, expected=nothing for kd",
                "{kind: l2, reduction: authors}   | reduction: found=authors, expected=nothing for l2",
                "{kind: ofd, responses: raw}      | responses: found=raw, expected=nothing for ofd",
                "{kind: dist, standardized: true} | standardized: found=true, expected=nothing for dist",
                "{kind: kd, labelSmoothing: 0.1}  | labelSmoothing: found=0.1, expected=nothing for kd",
                "{kind: kd, taps: [1]}            | taps: found=[1], expected=nothing for kd",
                "{kind: kd, interWeight: 1}       | interWeight: found=1.0, expected=nothing for kd",
                "{kind: l2, scale: 0}             | scale: found=0.0, expected=more than 0",
                "{kind: l2, taps: [2, 1]}         | taps[1]: found=1, expected=ascending, 1 for the first",
                "{kind: l2, taps: [0]}            | taps[0]: found=0, expected=ascending, 1 for the first",
                "{kind: fsp, taps: [2]}           | taps: found=[2], expected=two or more",
                "{kind: l2, scale: auto}          | scaleAuto: found=true, expected=false unless kind is boundary and reduction is mean",
                "{kind: boundary, reduction: authors, scale: auto} | scaleAuto: found=true, expected=false unless kind is boundary and reduction is mean",
                "{kind: boundary, scaleAuto: true, scale: 5} | scale: found=5.0, expected=nothing beside scaleAuto",
                "{kind: boundary, reduction: authors, scale: 5} | scale: found=5.0, expected=nothing with reduction: authors, which has its own",
                "{kind: dkd, targetWeight: 0, nonTargetWeight: 0} | nonTargetWeight: found=0.0, expected=more than 0 if targetWeight is 0",
                "{kind: crossEntropy, labelSmoothing: 1} | labelSmoothing: found=1.0, expected=0 or more, less than 1",
            })
    void aNumberOutOfRangeOrOfAnotherKindIsRefused(String loss, String expected) {
        assertThat(problems(PLAN.replace("LOSSES", loss)))
                .singleElement()
                .asString()
                .matches(
                        problem ->
                                problem.replaceAll(" \\d+:\\d+:", ":")
                                        .equals("phases[0].losses[0]." + expected));
    }

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "boundary  | phases[0].until={agreement: 1.5}  | phases[0].until.agreement",
                "attention | phases[0].until={agreement: 0.9}  | phases[0].until.agreement",
                "kd        | phases[0].until={plateauEpochs: 1} | phases[0].until.plateauEpochs",
                "kd        | phases[0].schedule={kind: cosine, warmUp: 1} | phases[0].schedule.warmUp",
                "kd        | phases[0].schedule={kind: oneCycle, warmUp: 0.1} | phases[0].schedule.warmUp",
                "kd        | phases[0].schedule={kind: plateau, plateauEpochs: -1} | phases[0].schedule.plateauEpochs",
                "kd        | phases[0].schedule={kind: plateau, factor: 1} | phases[0].schedule.factor",
                "kd        | phases[0].schedule={kind: plateau, at: [0.5]} | phases[0].schedule.at",
                "kd        | phases[0].schedule={kind: cosine, plateauEpochs: 2} | phases[0].schedule.plateauEpochs",
                "kd        | phases[0].schedule={kind: cosine, factor: 0.5} | phases[0].schedule.factor",
                "boundary  | phases[0].schedule={factor: 0.5} | phases[0].schedule.factor",
                "{kind: boundary, scale: auto} | phases[0].schedule=plateau | phases[0].schedule.kind",
                "{kind: boundary, scale: auto} | phases[0].until={agreement: 0.9} | phases[0].until",
            })
    void whatAPhaseCannotKnowOrDoIsRefused(String loss, String override, String path) {
        assertThat(problems(PLAN.replace("LOSSES", loss), override))
                .singleElement()
                .asString()
                .startsWith(path + " ");
    }

    @Test
    void onlyTheFirstPhaseFindsItsScale() {
        String second =
                PLAN.replace("LOSSES", "kd")
                        + "  - {name: two, epochs: 1, losses: {kind: boundary, scale: auto}}\n";

        assertThat(problems(second))
                .singleElement()
                .asString()
                .contains("phases[1].losses[0].scaleAuto")
                .contains("found=true, expected=false but in the first phase");
    }

    @Test
    void aTapThatTheStudentLacksIsRefused() {
        CompletePlan plan =
                PlanReader.read(PLAN.replace("LOSSES", "{kind: l2, taps: [1, 4]}"), List.of());

        assertThat(PlanAgainstWorld.check(plan, FACTS))
                .extracting(problem -> problem.path() + " " + problem.message())
                .contains(
                        "phases[0].losses[0].taps[1] student has no such tap: found=4, expected=1 to 3");
    }

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "boundary                      | until={agreement: 0.9}",
                "{kind: boundary, taps: [1, 2, 3]} | until={agreement: 0.9}",
                "{kind: l2, taps: [1, 2]}, {kind: boundary, taps: [3]} | until={plateauEpochs: 1}",
                "fitNet, {kind: boundary, taps: [1, 3], scale: auto} | epochs=20",
            })
    void whatReadsTheAgreementIsToldItIfAllTapsAreComparedByWhicheverLosses(
            String losses, String override) {
        CompletePlan plan = complete(losses, "batch=50", "phases[0]." + override);

        assertThat(PlanAgainstWorld.match(plan, FACTS, teacher(10)).teacherTaps()).hasSize(3);
    }

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "fitNet                        | until={plateauEpochs: 1}",
                "{kind: boundary, taps: [1, 2]}, attention | until={agreement: 0.9}",
                "{kind: boundary, taps: [1], scale: auto} | epochs=20",
            })
    void whatReadsTheAgreementIsRefusedIfSomeTapIsNotCompared(String losses, String override) {
        CompletePlan plan = complete(losses, "batch=50", "phases[0]." + override);

        assertThatThrownBy(() -> PlanAgainstWorld.match(plan, FACTS, teacher(10)))
                .hasMessageEndingWith("expected=each of 3 taps compared neuron by neuron");
    }

    @Test
    void aFlowFromTheOnlyTapIsRefused() {
        assertThat(
                        PlanAgainstWorld.check(
                                complete("kd, fsp", "student.taps=[bn1]", "teacher.taps=[t3]"),
                                FACTS))
                .extracting(problem -> problem.path() + " " + problem.message())
                .containsExactly(
                        "phases[0].losses[1].kind fsp compares each tap with the next: found=[bn1=[64, 7, 7]], min=2 taps");
    }

    @ParameterizedTest
    @ValueSource(strings = {"kd", "dkd"})
    void standardizedLogitsOfTwoClassesAreRefusedSinceTheyAreAlike(String kind) {
        DataFacts two = new DataFacts(new ImageShape(1, 28, 28), 2, 500, 2000);

        assertThat(
                        PlanAgainstWorld.check(
                                complete("{kind: " + kind + ", standardized: true}"), two))
                .extracting(problem -> problem.path() + " " + problem.message())
                .containsExactly(
                        "phases[0].losses[0].standardized standardized logits of so few classes are all alike: found=2 classes, min=3");
        assertThat(PlanAgainstWorld.check(complete(kind), two)).isEmpty();
    }

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource(
            delimiter = '|',
            value = {
                "kd       | schedule={kind: plateau, plateauEpochs: 1} | schedule.plateauEpochs=1: rate never falls",
                "boundary | until={plateauEpochs: 1} | until.plateauEpochs=1: phase never ends early",
                "boundary | until={agreement: 0.9} | until.agreement=0.9: phase never ends early",
            })
    void whatComesTooLateForItsPhaseIsWarnedOf(String loss, String rule, String warning) {
        assertThat(complete(loss, "phases[0].epochs=1", "phases[0]." + rule).warnings())
                .containsExactly("phases[0]." + warning + " within its epochs=1.0");
        assertThat(complete(loss, "phases[0].epochs=2.1", "phases[0]." + rule).warnings())
                .isEmpty();
    }

    @Test
    void centredLogitsAreThoseOfATeacherOfOtherClasses() {
        PlanMatch match =
                PlanAgainstWorld.match(
                        complete("centeredLogits, crossEntropy"), FACTS, teacher(365));

        assertThat(match.teacherTaps()).isEmpty();
        assertThatThrownBy(
                        () -> PlanAgainstWorld.match(complete("centeredLogits"), FACTS, teacher(0)))
                .hasMessageContaining("teacher has no logits")
                .hasMessageContaining("for centeredLogits");
        assertThatThrownBy(
                        () -> PlanAgainstWorld.match(complete("centeredLogits"), FACTS, teacher(1)))
                .hasMessageEndingWith(
                        "teacher has no logits: found=one class, expected=2 classes or more for centeredLogits");
        assertThatThrownBy(() -> PlanAgainstWorld.match(complete("dist"), FACTS, teacher(365)))
                .hasMessageContaining("class counts differ: teacher=365, data=10");
    }

    @Test
    void lossesAtTapsPairTheTaps() {
        for (String kind : List.of("l1", "fitNet", "ofd", "attention", "fsp")) {
            assertThat(PlanAgainstWorld.match(complete(kind), FACTS, teacher(10)).teacherTaps())
                    .as(kind)
                    .hasSize(3);
        }
    }

    @Test
    void denseTapsPairWhateverTheirWidths() {
        for (String kind : List.of("boundary", "l1", "l2", "fitNet", "ofd")) {
            assertThat(
                            PlanAgainstWorld.match(
                                            dense(kind), FACTS, teacher(List.of(512L), List.of(9L)))
                                    .teacherTaps())
                    .as(kind)
                    .hasSize(2);
        }
        assertThatThrownBy(
                        () ->
                                PlanAgainstWorld.match(
                                        dense("l2", "student.connector=identity"),
                                        FACTS,
                                        teacher(List.of(512L), List.of(16L))))
                .hasMessageContaining(
                        "identity connector between different channel counts: student layer.0.bn=[32], teacher t1=[512]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"attention", "fsp"})
    void aLossThatComparesPlacesIsRefusedAtADenseTap(String kind) {
        assertThat(PlanAgainstWorld.check(dense(kind), FACTS))
                .extracting(problem -> problem.path() + " " + problem.message())
                .containsExactly(
                        "phases[0].losses[0].kind "
                                + kind
                                + " compares places and a dense tap has none: found=layer.0.bn=[32], expected=taps [C, H, W]");
    }

    @Test
    void aSpatialAndADenseTapDoNotPair() {
        assertThatThrownBy(
                        () ->
                                PlanAgainstWorld.match(
                                        dense("boundary"),
                                        FACTS,
                                        teacher(List.of(512L, 7L, 7L), List.of(16L))))
                .hasMessageEndingWith(
                        "a spatial and a dense tap do not pair: student layer.0.bn=[32], teacher t1=[512, 7, 7], expected=both [C, H, W] or both [D]");
        assertThatThrownBy(
                        () ->
                                PlanAgainstWorld.match(
                                        complete("boundary"),
                                        FACTS,
                                        teacher(
                                                List.of(32L, 28L, 28L),
                                                List.of(64L, 14L, 14L),
                                                List.of(128L))))
                .hasMessageEndingWith(
                        "a spatial and a dense tap do not pair: student bn1=[64, 7, 7], teacher t3=[128], expected=both [C, H, W] or both [D]");
    }

    @Test
    void tapsThatNobodyNamedPairBySizeWhenThereAreMoreOnOneSide() {
        PlanMatch match =
                PlanAgainstWorld.match(
                        complete("boundary", "student.network=mobilenet-0.25"), FACTS, teacher(10));

        assertThat(match.pairs())
                .containsExactly(
                        "student layer.2.bn2=[32, 28, 28] with teacher t1=[32, 28, 28]",
                        "student layer.4.bn2=[64, 14, 14] with teacher t2=[64, 14, 14]",
                        "student layer.10.bn2=[128, 7, 7] with teacher t3=[128, 7, 7]");
        assertThat(match.unpaired()).containsExactly("student layer.12.bn2=[256, 4, 4]");
    }

    @Test
    void ofPairsBySizeALossNamesTheNumber() {
        assertThatThrownBy(
                        () ->
                                PlanAgainstWorld.match(
                                        complete(
                                                "{kind: boundary, taps: [4]}",
                                                "student.network=mobilenet-0.25"),
                                        FACTS,
                                        teacher(10)))
                .hasMessageEndingWith("student has no such tap: found=4, expected=1 to 3");
    }

    @Test
    void tapsOfOneSizePairWithNothing() {
        assertThatThrownBy(
                        () ->
                                PlanAgainstWorld.match(
                                        complete("boundary"),
                                        FACTS,
                                        teacher(List.of(32L, 28L, 28L), List.of(64L, 28L, 28L))))
                .hasMessageEndingWith(
                        "taps do not pair up: teacher=[t1=[32, 28, 28], t2=[64, 28, 28]], student=[block2.layer.0.bn1=[16, 28, 28], block3.layer.0.bn1=[32, 14, 14], bn1=[64, 7, 7]], expected=as many of both, of equal sizes, in teacher.taps and student.taps");
    }

    @Test
    void tapsThatTheUserNamedAreNotPairedOtherwise() {
        assertThatThrownBy(
                        () ->
                                PlanAgainstWorld.match(
                                        complete(
                                                "boundary",
                                                "student.network=mobilenet-0.25",
                                                "student.taps=[layer.2.bn2]"),
                                        FACTS,
                                        teacher(10)))
                .hasMessageContaining("taps do not pair up: teacher=[t1=");
    }

    @Test
    void thePlanForDenseTapsFitsATeacherWithTwo() throws IOException {
        Path file = Path.of(System.getProperty("abmesh.root")).resolve("deploy/plans/mlp.yaml");
        CompletePlan plan = PlanReader.read(Files.readString(file), List.of());

        assertThat(plan.warnings()).isEmpty();
        assertThat(
                        PlanAgainstWorld.match(plan, FACTS, teacher(List.of(1024L), List.of(512L)))
                                .teacherTaps())
                .hasSize(2);
    }

    private static CompletePlan dense(String losses, String... overrides) {
        return PlanReader.read(
                PLAN.replace("wrn-10-1", "mlp-32-16").replace("LOSSES", losses),
                List.of(overrides));
    }

    private static DescribeTeacherResponse teacher(int classes) {
        return teacher(List.of(32L, 28L, 28L), List.of(64L, 14L, 14L), List.of(128L, 7L, 7L))
                .toBuilder()
                .setClassCount(classes)
                .build();
    }

    @SafeVarargs
    private static DescribeTeacherResponse teacher(List<Long>... taps) {
        DescribeTeacherResponse.Builder teacher =
                DescribeTeacherResponse.newBuilder().setClassCount(10);
        for (int i = 0; i < taps.length; i++) {
            teacher.addAutoTaps("t" + (i + 1))
                    .addTaps(
                            TapDescription.newBuilder()
                                    .setName("t" + (i + 1))
                                    .setTensor("tensor" + i)
                                    .addAllSampleShape(taps[i]));
        }
        return teacher.build();
    }

    private static LossPlan loss(String loss) {
        LossPlan found = plan(loss).getPhases(0).getLosses(0);
        assertThat(found.getKind()).isNotEqualTo(LossKind.LOSS_KIND_UNSPECIFIED);
        return found;
    }

    private static Plan plan(String losses) {
        return complete(losses).plan();
    }

    private static CompletePlan complete(String losses, String... overrides) {
        return PlanReader.read(PLAN.replace("LOSSES", losses), List.of(overrides));
    }

    private static List<String> problems(String yaml, String... overrides) {
        MeshException refused =
                catchThrowableOfType(
                        MeshException.class, () -> PlanReader.read(yaml, List.of(overrides)));
        assertThat(refused).isNotNull();
        return refused.fieldViolations().stream()
                .map(v -> v.field() + " " + v.description())
                .toList();
    }
}
