package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.Services;
import io.abmesh.e2e.harness.TinyImages;
import io.abmesh.e2e.harness.TinyOnnx;
import io.abmesh.e2e.harness.TinyPlan;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad input ends in one clear line that says what was found, and exit code 2. */
final class BadInputIT {

    @TempDir Path folder;

    /** Something wrong, and what is said of it. */
    record Case(String title, Spoiler spoiler, List<String> changes, String said) {

        @Override
        public String toString() {
            return title;
        }
    }

    @FunctionalInterface
    interface Spoiler {
        void spoil(Path folder) throws IOException;
    }

    static Stream<Case> cases() {
        return Stream.of(
                planned(
                        "anUnknownKey",
                        "sede=3",
                        "--set: sede: unknown key: found=sede, near=\\[seed.*"),
                planned(
                        "aWrongType",
                        "batch=many",
                        "--set: batch: wrong type: found=many, expected=.*"),
                planned(
                        "anImpossibleDepth",
                        "student.network=wrn-11-1",
                        ".*student.network: .*11.*"),
                planned("aBatchLargerThanTheData", "batch=128", ".*batch: .*128.*64.*"),
                planned(
                        "aTapThatDoesNotExist",
                        "teacher.taps=[relu1, relu2, relu33]",
                        ".*relu33.*relu3.*"),
                planned(
                        "aNegativeNumberOfImages",
                        "data.train.images=-1",
                        ".*data.train.images: .*-1.*"),
                new Case(
                        "anEmptySplit",
                        at -> {
                            Path test = TinyImages.classFolders(at.resolve("data"), 8);
                            for (int label = 0; label < 10; label++) {
                                for (int i = 0; i < 8; i++) {
                                    Files.delete(
                                            test.resolve(
                                                    "test/class-%d/%d.png".formatted(label, i)));
                                }
                            }
                        },
                        List.of("data.location=data"),
                        ".*no images.*test.*"),
                new Case(
                        "aTruncatedCifarFile",
                        at ->
                                TinyImages.truncate(
                                        TinyImages.cifar(at.resolve("data"), 15)
                                                .resolve("data_batch_3.bin")),
                        List.of("data.location=data"),
                        ".*cut off in .*data_batch_3.bin.*"),
                new Case(
                        "anotherNumberOfClasses",
                        at -> TinyOnnx.fashion().withClasses(7).write(at.resolve("teacher.onnx")),
                        List.of(),
                        ".*7.*10.*"),
                new Case(
                        "tapsOfAnotherSize",
                        at -> TinyOnnx.fashion().withStride(4).write(at.resolve("teacher.onnx")),
                        List.of(),
                        ".*taps have different spatial sizes: student .*=\\[64, 7, 7\\], teacher relu3=\\[8, 2, 2\\]"),
                new Case(
                        "aTeacherThatYieldsNan",
                        at -> TinyOnnx.fashion().withNan().write(at.resolve("teacher.onnx")),
                        List.of(),
                        "abmesh: .*NaN.*"),
                new Case(
                        "aCorruptModel",
                        at -> TinyImages.truncate(at.resolve("teacher.onnx")),
                        List.of(),
                        "abmesh: .*teacher.onnx.*"),
                new Case(
                        "aModelThatIsNotThere",
                        at -> Files.delete(at.resolve("teacher.onnx")),
                        List.of(),
                        "abmesh: no such model file: .*teacher.onnx"),
                new Case(
                        "aTruncatedIdxFile",
                        at ->
                                TinyImages.truncate(
                                        TinyImages.idx(at.resolve("data"), 64, 64)
                                                .resolve("train-images-idx3-ubyte")),
                        List.of("data.location=data"),
                        ".*train-images-idx3-ubyte.*"),
                new Case(
                        "aBrokenJpeg",
                        at ->
                                Files.writeString(
                                        TinyImages.classFolders(at.resolve("data"), 8)
                                                .resolve("train/class-3/broken.jpg"),
                                        "not a picture"),
                        List.of("data.location=data"),
                        ".*broken.jpg.*"),
                new Case(
                        "aDataSetThatIsNotThere",
                        at -> {},
                        List.of("data.location=nowhere"),
                        ".*nowhere.*"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isRefusedInOneClearLine(Case bad) throws IOException, InterruptedException {
        TinyPlan.write(folder);
        bad.spoiler.spoil(folder);
        List<String> arguments = new ArrayList<>(List.of("run", "plan.yaml", "--out", "out"));
        bad.changes.forEach(change -> arguments.addAll(List.of("--set", change)));

        Outcome outcome =
                AbmeshCommand.run(folder, arguments.toArray(String[]::new)).requireExit(2);

        assertThat(outcome.errors()).first().asString().startsWith("abmesh: ");
        assertThat(outcome.errors()).last().asString().matches(bad.said);
        assertThat(outcome.errors()).hasSizeLessThanOrEqualTo(3);
    }

    @Test
    void everyProblemOfAPlanIsToldWithItsLineAndKey() throws IOException, InterruptedException {
        Path plan = TinyPlan.write(folder);
        Files.writeString(
                plan,
                Files.readString(plan)
                        .replace("seed: 3", "sede: 3")
                        .replace("kind: boundary", "kind: hinge")
                        .replace("wrn-10-1", "wrn-11-1"));

        Outcome outcome = AbmeshCommand.run(folder, "validate", "plan.yaml").requireExit(2);

        assertThat(outcome.errors()).hasSize(4);
        assertThat(outcome.errors().get(0)).isEqualTo("abmesh: 3 problems in the plan plan.yaml");
        assertThat(outcome.errors())
                .anyMatch(line -> line.startsWith("plan.yaml:2:1: sede: unknown key"))
                .anyMatch(line -> line.startsWith("plan.yaml:11:12: student.network: "))
                .anyMatch(line -> line.startsWith("plan.yaml:17:21: phases[0].losses[0].kind: "));
    }

    @Test
    void aGoodPlanIsGood() throws IOException, InterruptedException {
        TinyPlan.write(folder);

        Outcome outcome = AbmeshCommand.run(folder, "validate", "plan.yaml").requireExit(0);

        assertThat(outcome.output())
                .last()
                .asString()
                .matches("plan.yaml is good: plan [0-9a-f]{64}");
    }

    @Test
    void aRefusedPlanLeavesNoFolderBehind() throws IOException, InterruptedException {
        TinyPlan.write(folder);

        AbmeshCommand.run(folder, "run", "plan.yaml", "--out", "out", "--set", "batch=0")
                .requireExit(2);

        assertThat(folder.resolve("out")).doesNotExist();
    }

    @Test
    void aPortInUseIsToldByTheServiceThatNeedsIt() throws IOException, InterruptedException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThat(saidByACoordinatorThatCannotRun(taken.getLocalPort()))
                    .startsWith("abmesh: ")
                    .contains(String.valueOf(taken.getLocalPort()));
        }
    }

    @Test
    void theSecondCoordinatorOfAStoreIsRefusedByName() throws IOException, InterruptedException {
        try (Services first = new Services(folder)) {
            first.startCoordinator();

            assertThat(saidByACoordinatorThatCannotRun(0))
                    .isEqualTo(
                            "abmesh: another coordinator holds the store: store="
                                    + folder.resolve("store"));
        }
    }

    /** Starts a coordinator of the store beside the plan; returns its last line. */
    private String saidByACoordinatorThatCannotRun(int port)
            throws IOException, InterruptedException {
        Path output = folder.resolve("cannot-run.txt");
        Process coordinator =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Dquarkus.http.port=0",
                                "-Dabmesh.coordinator.host=127.0.0.1",
                                "-Dabmesh.coordinator.grpc-port=" + port,
                                "-Dabmesh.coordinator.store-directory=" + folder.resolve("store"),
                                "-jar",
                                AbmeshCommand.root()
                                        .resolve("coordinator/target/quarkus-app/quarkus-run.jar")
                                        .toString())
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start();
        assertThat(coordinator.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(coordinator.exitValue()).isEqualTo(2);
        List<String> lines = Files.readAllLines(output);
        return lines.get(lines.size() - 1);
    }

    private static Case planned(String title, String change, String said) {
        return new Case(title, at -> {}, List.of(change), said);
    }
}
