package io.abmesh.student.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.BatchFetcher;
import io.abmesh.proto.frame.TensorAssembler;
import io.abmesh.proto.plan.ProbedScale;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.proto.v1.OptimizerPlan;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Reduction;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.ScaleChoice;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.SchedulePlan;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.StudentPlan;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.Track;
import io.abmesh.proto.v1.TrackPhase;
import io.abmesh.proto.v1.TrackReport;
import io.abmesh.proto.v1.WorkFailed;
import io.abmesh.student.exchange.ExchangeSettings;
import io.abmesh.student.exchange.LocalExchange;
import io.abmesh.student.exchange.Roster;
import io.abmesh.student.exchange.StudentExchanges;
import io.abmesh.student.fetch.BatchPrefetcher;
import io.abmesh.student.fetch.BatchSource;
import io.abmesh.student.fetch.FetchSettings;
import io.abmesh.student.fetch.PendingBatch;
import io.abmesh.student.meter.StudentMeters;
import io.abmesh.student.session.WorkProgress;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole loop on synthetic data, through the real protocol: one network, a few dozen steps. */
final class WholeLoopTest {
    private static final long BASELINE_END = 8;
    private static final long BOUNDARY_END = 28;
    private static final long END = 48;
    private static final int CHECKPOINT_EVERY = 5;
    private static final int NEVER = Integer.MAX_VALUE;

    /** Far beyond what it takes, also on a machine that is busy otherwise. */
    private static final int PATIENCE_SECONDS = 600;

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir Path folder;

    @Test
    void learnsBoundariesThenClassesAndExportsTheStudent() throws Exception {
        TestingCoordinator coordinator = new TestingCoordinator(begin(true), NEVER);
        try (Mesh mesh = new Mesh(coordinator, folder)) {
            await(mesh, coordinator.finished());
        }

        Map<Long, StepReport> steps = coordinator.steps();
        assertThat(steps).hasSize((int) END);
        StepReport first = steps.get(BASELINE_END);
        StepReport last = steps.get(BOUNDARY_END - 1);
        assertThat(last.getLoss()).isLessThan(0.6 * first.getLoss());
        for (int tap = 0; tap < SyntheticTask.TAPS.size(); tap++) {
            assertThat(first.getAgreement(tap)).isCloseTo(0.5, within(0.15));
            assertThat(last.getAgreement(tap)).isGreaterThan(first.getAgreement(tap) + 0.15);
        }
        assertThat(steps.get(END - 1).getAgreementList()).isEmpty();
        assertThat(steps.get(END - 1).getLoss()).isLessThan(steps.get(BOUNDARY_END).getLoss());
        assertThat(steps.get(END - 1).getLearningRate())
                .isLessThan(steps.get(BOUNDARY_END).getLearningRate());
        assertThat(coordinator.evaluations()).hasSize(2);
        assertThat(coordinator.evaluations().get(1).getSampleCount()).isEqualTo(96);
        assertThat(coordinator.evaluations().get(1).getCorrectCount()).isGreaterThan(60);
        assertThat(coordinator.evaluations().get(1).getCrossEntropy()).isLessThan(Math.log(4));
        assertThat(coordinator.tracks()).containsOnlyKeys("cross-entropy", "distilled");
        TrackReport baseline = coordinator.tracks().get("cross-entropy");
        TrackReport distilled = coordinator.tracks().get("distilled");
        assertThat(baseline.hasExportDifference()).isFalse();
        assertThat(distilled.hasExportDifference()).isTrue();
        assertThat(distilled.getExportDifference()).isLessThan(1e-3);
        assertThat(coordinator.artifacts()).containsOnlyKeys("student.onnx", "student.dl4j.zip");
        byte[] onnx = coordinator.artifacts().get("student.onnx");
        assertThat(onnx).hasSize((int) distilled.getOnnxBytes());
        assertThat(onnx).isEqualTo(Files.readAllBytes(folder.resolve("export/student.onnx")));
        assertThat(coordinator.artifacts().get("student.dl4j.zip"))
                .isEqualTo(Files.readAllBytes(folder.resolve("export/student.dl4j.zip")));
    }

    @Test
    void learnsDenseBoundariesThroughLinearConnectors() throws Exception {
        TestingCoordinator coordinator = new TestingCoordinator(dense(begin(true)), NEVER);
        try (Mesh mesh = new Mesh(coordinator, folder)) {
            await(mesh, coordinator.finished());
        }

        StepReport first = coordinator.steps().get(BASELINE_END);
        StepReport last = coordinator.steps().get(BOUNDARY_END - 1);
        assertThat(last.getLoss()).isLessThan(0.6 * first.getLoss());
        for (int tap = 0; tap < SyntheticTask.DENSE_TAPS.size(); tap++) {
            assertThat(first.getAgreement(tap)).isCloseTo(0.5, within(0.15));
            assertThat(last.getAgreement(tap)).isGreaterThan(first.getAgreement(tap) + 0.15);
        }
        assertThat(coordinator.evaluations().get(1).getCorrectCount()).isGreaterThan(60);
        assertThat(coordinator.artifacts()).containsOnlyKeys("student.onnx", "student.dl4j.zip");
    }

    @Test
    void endsInTheSameParametersWhateverHappensOnTheWay() throws Exception {
        Path undisturbed = folder.resolve("undisturbed");
        TestingCoordinator reference = new TestingCoordinator(begin(false), CHECKPOINT_EVERY);
        try (Mesh mesh = new Mesh(reference, undisturbed)) {
            await(mesh, reference.finished());
        }
        Map<String, String> expected = hashes(reference);
        assertThat(expected).hasSize(2);

        // A kill in the middle of the boundary phase: of all state, only a checkpoint is left.
        Path killed = folder.resolve("killed");
        Files.createDirectories(killed);
        Files.copy(checkpoint(undisturbed, 19), checkpoint(killed, 19));
        TestingCoordinator afterKill = new TestingCoordinator(begin(false), NEVER);
        try (Mesh mesh = new Mesh(afterKill, killed)) {
            await(mesh, afterKill.finished());
        }
        assertThat(nextSteps(afterKill)).containsExactly(20L);
        assertThat(hashes(afterKill))
                .containsOnly(Map.entry("distilled", expected.get("distilled")));

        // The coordinator goes away and forgets a report; a teacher loses its batches.
        TestingCoordinator troubled =
                new TestingCoordinator(begin(false), NEVER).breakingAfter(13).losing(22);
        try (Mesh mesh = new Mesh(troubled, folder.resolve("troubled"))) {
            await(mesh, troubled.finished());
        }
        assertThat(nextSteps(troubled)).hasSize(2).startsWith(0L);
        assertThat(troubled.steps()).hasSize((int) END).containsKey(13L);
        assertThat(hashes(troubled)).isEqualTo(expected);
    }

    @Test
    void givesUpAStepWhoseBatchesNobodyHasAndDoesItInTheNextEpoch() throws Exception {
        TestingCoordinator coordinator =
                new TestingCoordinator(begin(false), NEVER).withholding(13);
        try (Mesh mesh = new Mesh(coordinator, folder, PATIENCE, Duration.ofMillis(200))) {
            await(mesh, coordinator.finished());
        }

        assertThat(nextSteps(coordinator)).containsExactly(0L, 13L);
        assertThat(coordinator.steps()).hasSize((int) END);
    }

    @Test
    void worksForACoordinatorThatLostItsStateAndCountsEpochsFromTheBeginning() throws Exception {
        TestingCoordinator coordinator =
                new TestingCoordinator(begin(false), NEVER).replacedAfter(2).pausingAfter(9);
        try (Mesh mesh = new Mesh(coordinator, folder)) {
            await(mesh, coordinator.reached(9));
        }

        assertThat(nextSteps(coordinator)).hasSize(2).startsWith(0L);
        assertThat(coordinator.steps()).hasSize(10);
    }

    @Test
    void sendsItsFilesAgainIfOneOfThemIsSpoiltOnTheWay() throws Exception {
        TestingCoordinator coordinator =
                new TestingCoordinator(begin(true), NEVER).spoilingAnArtifact();
        try (Mesh mesh = new Mesh(coordinator, folder)) {
            await(mesh, coordinator.finished());
        }

        assertThat(nextSteps(coordinator)).containsExactly(0L, END);
        assertThat(coordinator.artifacts()).containsOnlyKeys("student.onnx", "student.dl4j.zip");
    }

    @Test
    void saysThatNobodyComputesAnyMoreIfItsThreadEndsByAnError() throws Exception {
        TestingCoordinator coordinator = new TestingCoordinator(begin(true), NEVER);
        StudentExport outOfMemory =
                (run, images, count) -> {
                    throw new OutOfMemoryError("testing");
                };
        try (Mesh mesh = new Mesh(coordinator, folder, outOfMemory)) {
            assertThat(mesh.broken().get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                    .isInstanceOf(OutOfMemoryError.class);
        }
        assertThat(coordinator.finished()).isNotDone();
    }

    @Test
    void aPlateauGoesOnFromACheckpointAsItWasThere() throws Exception {
        Path undisturbed = folder.resolve("undisturbed");
        TestingCoordinator reference =
                new TestingCoordinator(onPlateau(begin(false)), CHECKPOINT_EVERY);
        try (Mesh mesh = new Mesh(reference, undisturbed)) {
            await(mesh, reference.finished());
        }
        Map<Long, Double> rates = rates(reference);
        assertThat(rates.get(END - 1)).isLessThan(0.1 * rates.get(BOUNDARY_END));

        // Step 44 is the first of two of an epoch, after falls of the rate.
        assertThat(rates.get(44L)).isLessThan(rates.get(BOUNDARY_END));
        Path killed = folder.resolve("killed");
        Files.createDirectories(killed);
        Files.copy(checkpoint(undisturbed, 44), checkpoint(killed, 44));
        TestingCoordinator afterKill = new TestingCoordinator(onPlateau(begin(false)), NEVER);
        try (Mesh mesh = new Mesh(afterKill, killed)) {
            await(mesh, afterKill.finished());
        }

        assertThat(nextSteps(afterKill)).containsExactly(45L);
        assertThat(rates).containsAllEntriesOf(rates(afterKill));
        assertThat(hashes(afterKill).get("distilled"))
                .isEqualTo(hashes(reference).get("distilled"));
    }

    @Test
    void findsTheSameScaleIfItIsKilledWhileItLooksForIt() throws Exception {
        Path undisturbed = folder.resolve("undisturbed");
        TestingCoordinator reference =
                new TestingCoordinator(probed(dense(begin(false))), CHECKPOINT_EVERY);
        try (Mesh mesh = new Mesh(reference, undisturbed)) {
            await(mesh, reference.finished());
        }
        Map<Long, StepReport> steps = reference.steps();
        ScaleChoice choice = steps.get(BASELINE_END + 19).getScaleChoice();
        assertThat(steps.values().stream().filter(StepReport::hasScaleChoice)).hasSize(1);
        assertThat(choice.getAgreementsList())
                .hasSize(ProbedScale.SCALES.size())
                .allMatch(agreement -> agreement > 0.5);
        assertThat(choice.getAgreements(ProbedScale.SCALES.indexOf(choice.getScale())))
                .isEqualTo(Collections.max(choice.getAgreementsList()));
        // The phase begins anew with the scale that was found, and is better than the probe.
        assertThat(steps.get(BASELINE_END + 20).getAgreement(0)).isCloseTo(0.5, within(0.15));
        assertThat(steps.get(BASELINE_END + 79).getAgreement(0)).isGreaterThan(0.75);

        // Step 14 is the seventh of the phase, where the second scale is tried.
        Path killed = folder.resolve("killed");
        Files.createDirectories(killed);
        Files.copy(checkpoint(undisturbed, 14), checkpoint(killed, 14));
        TestingCoordinator afterKill = new TestingCoordinator(probed(dense(begin(false))), NEVER);
        try (Mesh mesh = new Mesh(afterKill, killed)) {
            await(mesh, afterKill.finished());
        }

        assertThat(nextSteps(afterKill)).containsExactly(15L);
        assertThat(afterKill.steps().get(BASELINE_END + 19).getScaleChoice()).isEqualTo(choice);
        assertThat(hashes(afterKill).get("distilled"))
                .isEqualTo(hashes(reference).get("distilled"));
    }

    @Test
    void publishesACheckpointWhenItIsStoppedAndGoesOnThere() throws Exception {
        TestingCoordinator before = new TestingCoordinator(begin(false), NEVER).pausingAfter(2);
        try (Mesh mesh = new Mesh(before, folder)) {
            await(mesh, before.reached(2));
        }
        TestingCoordinator after = new TestingCoordinator(begin(false), NEVER).pausingAfter(4);
        try (Mesh mesh = new Mesh(after, folder)) {
            await(mesh, after.reached(4));
        }

        assertThat(nextSteps(after)).containsExactly(3L);
        assertThat(after.steps()).containsOnlyKeys(3L, 4L);
    }

    /**
     * A named pipe stands in for the disk: it takes what its buffer holds and then nothing, until
     * the test reads.
     */
    @Test
    void computesUpToTheNextCheckpointWhileTheDiskTakesNothing() throws Exception {
        Path undisturbed = folder.resolve("undisturbed");
        TestingCoordinator reference = new TestingCoordinator(begin(false), CHECKPOINT_EVERY);
        try (Mesh mesh = new Mesh(reference.pausingAfter(9), undisturbed)) {
            await(mesh, reference.reached(9));
        }
        byte[] afterNine = Files.readAllBytes(checkpoint(undisturbed, 9));

        Path stuck = folder.resolve("stuck");
        TestingCoordinator coordinator = new TestingCoordinator(begin(false), CHECKPOINT_EVERY);
        byte[] written = new byte[afterNine.length];
        try (Mesh mesh = new Mesh(coordinator.pausingAfter(8), stuck)) {
            await(mesh, coordinator.reached(8));
            try (RandomAccessFile disk = pipe(Path.of(checkpoint(stuck, 9) + ".part"))) {
                coordinator.goOn();
                await(mesh, coordinator.reached(14));
                assertThat(checkpoint(stuck, 9)).doesNotExist();
                disk.readFully(written);
            }
        }

        assertThat(written).as("what steps 10 to 14 did not change").isEqualTo(afterNine);
        assertThat(coordinator.steps()).doesNotContainKey(15L);
    }

    @Test
    void leavesWithinItsGraceWhateverTheDiskDoes() throws Exception {
        TestingCoordinator coordinator =
                new TestingCoordinator(begin(false), CHECKPOINT_EVERY).pausingAfter(8);
        try (Mesh mesh = new Mesh(coordinator, folder, Duration.ofMillis(200))) {
            await(mesh, coordinator.reached(8));
            try (RandomAccessFile disk = pipe(Path.of(checkpoint(folder, 9) + ".part"))) {
                coordinator.goOn();
                await(mesh, coordinator.reached(14));
                assertThat(disk.read()).as("first byte of a checkpoint").isNotNegative();

                mesh.student.close();

                coordinator.left().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                assertThat(mesh.computes()).as("computes, since the disk holds it").isTrue();
            }
        }
    }

    @Test
    void namesAFullDiskThatOnlyTheNextEpochFinds() throws Exception {
        TestingCoordinator coordinator =
                new TestingCoordinator(begin(false), CHECKPOINT_EVERY).pausingAfter(3);
        try (Mesh mesh = new Mesh(coordinator, folder);
                WatchService removed = folder.getFileSystem().newWatchService()) {
            await(mesh, coordinator.reached(3));
            folder.register(removed, StandardWatchEventKinds.ENTRY_DELETE);
            Files.createSymbolicLink(
                    Path.of(checkpoint(folder, 4) + ".part"), Path.of("/dev/full"));
            coordinator.goOnTo(4);
            // The checkpoint that fails is the last work of its epoch; its file goes with it.
            assertThat(removed.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isNotNull();
            coordinator.beginAgain();

            WorkFailed failed = coordinator.failure().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
            assertThat(ErrorStatuses.fromStatus(failed.getStatus()).reason())
                    .isEqualTo(ErrorReason.STORE_FULL);
        }
    }

    /** Makes a named pipe; held open, so that whoever opens it to write does not wait. */
    private static RandomAccessFile pipe(Path path) throws Exception {
        Process made = new ProcessBuilder("mkfifo", path.toString()).start();
        assertThat(made.waitFor()).isZero();
        return new RandomAccessFile(path.toFile(), "rw");
    }

    @Test
    void passesOverADamagedCheckpoint() throws Exception {
        TestingCoordinator before = new TestingCoordinator(begin(false), 2).pausingAfter(3);
        try (Mesh mesh = new Mesh(before, folder)) {
            await(mesh, before.reached(3));
        }
        byte[] bytes = Files.readAllBytes(checkpoint(folder, 3));
        bytes[bytes.length - 1] ^= 1;
        Files.write(checkpoint(folder, 3), bytes);
        TestingCoordinator after = new TestingCoordinator(begin(false), 2).pausingAfter(3);
        try (Mesh mesh = new Mesh(after, folder)) {
            await(mesh, after.reached(3));
        }

        assertThat(nextSteps(after)).containsExactly(2L);
        assertThat(folder.resolve("step-000000003.safetensors.corrupt")).exists();
    }

    @Test
    void putsCheckpointsOfAnotherRunAside() throws Exception {
        TestingCoordinator before = new TestingCoordinator(begin(false), 2).pausingAfter(1);
        try (Mesh mesh = new Mesh(before, folder)) {
            await(mesh, before.reached(1));
        }
        RunBegin other = begin(false).toBuilder().setRunId("run-2").build();
        TestingCoordinator after = new TestingCoordinator(other, 2).pausingAfter(0);
        try (Mesh mesh = new Mesh(after, folder)) {
            await(mesh, after.reached(0));
        }

        assertThat(nextSteps(after)).containsExactly(0L);
        assertThat(folder.resolve("superseded/step-000000001.safetensors")).exists();
    }

    @Test
    void namesAFolderThatCheckpointsOfAnotherRunCannotBePutAsideIn() throws Exception {
        TestingCoordinator before = new TestingCoordinator(begin(false), 2).pausingAfter(1);
        try (Mesh mesh = new Mesh(before, folder)) {
            await(mesh, before.reached(1));
        }
        Files.createFile(folder.resolve("superseded"));
        RunBegin other = begin(false).toBuilder().setRunId("run-2").build();
        TestingCoordinator after = new TestingCoordinator(other, 2);
        try (Mesh mesh = new Mesh(after, folder)) {
            WorkFailed failed = after.failure().get(PATIENCE_SECONDS, TimeUnit.SECONDS);

            assertThat(failed.getStatus().getMessage())
                    .startsWith("cannot put checkpoints of another run aside: folder=" + folder);
            assertThat(mesh.computes()).isTrue();
        }
    }

    @Test
    void tellsWhatItComputedInVainUntilTheCoordinatorHasWrittenItDown() throws Exception {
        RunPlan plan = RunPlan.of(begin(false));
        StudentMeters meters = new StudentMeters(new SimpleMeterRegistry());
        BatchSource source =
                (address, request, maxBytes, allocator) -> {
                    TensorAssembler tensors =
                            new TensorAssembler(request.getBatchId(), maxBytes, allocator);
                    SyntheticTask.frames(
                                    request.getBatchId(),
                                    0,
                                    TestingCoordinator.BATCH / TestingCoordinator.MICRO_BATCHES,
                                    request.getTensorsList())
                            .forEach(response -> tensors.add(response.getFrame()));
                    tensors.requireComplete();
                    return tensors.tensors();
                };
        Roster roster =
                Roster.of(
                        RunRoster.newBuilder()
                                .setRunId(plan.runId())
                                .addMembers(
                                        RosterMember.newBuilder()
                                                .setEndMicroBatch(TestingCoordinator.MICRO_BATCHES))
                                .build(),
                        1,
                        TestingCoordinator.MICRO_BATCHES);
        try (StudentRun run =
                        StudentRun.start(
                                plan, 1, meters, StepTracing.off(), new WorkProgress(), 1);
                BatchPrefetcher prefetcher =
                        new BatchPrefetcher(
                                source,
                                new FetchSettings(1 << 20, 1, PATIENCE),
                                meters,
                                System::nanoTime)) {
            PlannedPhase phase = plan.phaseOf(0).orElseThrow();
            List<PendingBatch> batches = new ArrayList<>();
            for (String id : List.of("0", "1")) {
                batches.add(
                        prefetcher.submit(
                                BatchReference.newBuilder()
                                        .setBatchId(id)
                                        .setAddress("here:1")
                                        .setSampleCount(8)
                                        .build(),
                                1,
                                phase.needs()));
            }
            batches.get(1).abandon();

            assertThatThrownBy(
                            () ->
                                    run.step(
                                            new Work.Step(
                                                    StepAssignment.getDefaultInstance(),
                                                    phase,
                                                    batches),
                                            roster,
                                            new LocalExchange(TestingCoordinator.MICRO_BATCHES)))
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e -> assertThat(e.reason()).isEqualTo(ErrorReason.CANCELLED));

            assertThat(run.beginsTrack()).isTrue();
            assertThat(run.snapshot(Map.of())).isEmpty();
            assertThat(run.discarded()).as("told").isEqualTo(1);
            assertThat(run.discarded()).as("told again, as no roster came").isEqualTo(1);
            run.discardsKnown();
            assertThat(run.discarded()).isZero();
        }
    }

    @Test
    void namesTheLossThatIsNotFiniteAndLivesOn() throws Exception {
        TestingCoordinator coordinator =
                new TestingCoordinator(withLearningRate(begin(false), 1e30), NEVER);
        try (Mesh mesh = new Mesh(coordinator, folder)) {
            WorkFailed failed = coordinator.failure().get(PATIENCE_SECONDS, TimeUnit.SECONDS);

            assertThat(ErrorStatuses.fromStatus(failed.getStatus()).reason())
                    .isEqualTo(ErrorReason.LOSS_NOT_FINITE);
            assertThat(mesh.computes()).isTrue();
        }
    }

    @Test
    void namesTapsOfDifferentSize() throws Exception {
        RunBegin begin = begin(false);
        TapDescription tap =
                begin.getTeacherTaps(0).toBuilder()
                        .clearSampleShape()
                        .addAllSampleShape(List.of(12L, 7L, 7L))
                        .build();
        TestingCoordinator coordinator =
                new TestingCoordinator(begin.toBuilder().setTeacherTaps(0, tap).build(), NEVER);
        try (Mesh mesh = new Mesh(coordinator, folder)) {
            WorkFailed failed = coordinator.failure().get(PATIENCE_SECONDS, TimeUnit.SECONDS);

            assertThat(ErrorStatuses.fromStatus(failed.getStatus()).reason())
                    .isEqualTo(ErrorReason.TAP_SHAPE_MISMATCH);
            assertThat(failed.getStatus().getMessage()).contains("[12, 7, 7]");
            assertThat(mesh.computes()).isTrue();
        }
    }

    private static Path checkpoint(Path folder, int step) {
        return folder.resolve("step-%09d.safetensors".formatted(step));
    }

    /** Waits; a run that fails meanwhile fails the test with its reason. */
    private static void await(Mesh mesh, CompletableFuture<Void> future) throws Exception {
        Object first =
                CompletableFuture.anyOf(future, mesh.failure())
                        .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertThat(first).isNull();
    }

    private static List<Long> nextSteps(TestingCoordinator coordinator) {
        return coordinator.positions().stream().map(StudentPosition::getNextStep).toList();
    }

    private static Map<String, String> hashes(TestingCoordinator coordinator) {
        Map<String, String> hashes = new TreeMap<>();
        coordinator
                .tracks()
                .forEach((name, track) -> hashes.put(name, track.getParametersSha256()));
        return hashes;
    }

    private static Map<Long, Double> rates(TestingCoordinator coordinator) {
        Map<Long, Double> rates = new TreeMap<>();
        coordinator.steps().forEach((step, report) -> rates.put(step, report.getLearningRate()));
        return rates;
    }

    /** Epochs of two steps in the last phase, at a rate so low that its loss falls and rises. */
    private static RunBegin onPlateau(RunBegin begin) {
        RunBegin.Builder plateau = begin.toBuilder();
        PhasePlan.Builder phase = plateau.getTracksBuilder(1).getPhasesBuilder(1).getPhaseBuilder();
        phase.setEpochs((END - BOUNDARY_END) / 2.0);
        phase.getOptimizerBuilder().setLearningRate(1e-6);
        phase.getScheduleBuilder()
                .setKind(ScheduleKind.SCHEDULE_KIND_PLATEAU)
                .setFactor(0.2)
                .setPlateauEpochs(1);
        return plateau.build();
    }

    /** A multi-layer perceptron that learns from dense taps of other widths. */
    private static RunBegin dense(RunBegin begin) {
        RunBegin.Builder dense = begin.toBuilder().clearTeacherTaps().clearStudentTaps();
        dense.getPlanBuilder().getStudentBuilder().setNetwork("mlp-16-12");
        for (int i = 0; i < SyntheticTask.DENSE_TAPS.size(); i++) {
            dense.addStudentTaps("layer." + i + ".bn");
            dense.addTeacherTaps(
                    TapDescription.newBuilder()
                            .setName(SyntheticTask.tap(SyntheticTask.TAPS.size() + i))
                            .addAllSampleShape(SyntheticTask.DENSE_TAPS.get(i)));
        }
        return dense.build();
    }

    /** The distilled track is a boundary phase of 80 steps that finds its scale. */
    private static RunBegin probed(RunBegin begin) {
        RunBegin.Builder probed = begin.toBuilder();
        Track.Builder track = probed.getTracksBuilder(1).removePhases(1);
        TrackPhase.Builder phase = track.getPhasesBuilder(0).setEndStep(BASELINE_END + 80);
        phase.getPhaseBuilder().getLossesBuilder(0).clearScale().setScaleAuto(true);
        return probed.build();
    }

    private static RunBegin withLearningRate(RunBegin begin, double rate) {
        RunBegin.Builder wild = begin.toBuilder();
        for (Track.Builder track : wild.getTracksBuilderList()) {
            for (TrackPhase.Builder phase : track.getPhasesBuilderList()) {
                phase.getPhaseBuilder().getOptimizerBuilder().setLearningRate(rate);
            }
        }
        return wild.build();
    }

    private static RunBegin begin(boolean export) {
        List<TapDescription> taps = new ArrayList<>();
        for (int i = 0; i < SyntheticTask.TAPS.size(); i++) {
            taps.add(
                    TapDescription.newBuilder()
                            .setName(SyntheticTask.tap(i))
                            .addAllSampleShape(SyntheticTask.TAPS.get(i))
                            .build());
        }
        return RunBegin.newBuilder()
                .setRunId("run-1")
                .setPlan(
                        Plan.newBuilder()
                                .setName("synthetic")
                                .setSeed(3)
                                .setStudent(StudentPlan.newBuilder().setNetwork("wrn-10-1"))
                                .setBatch(TestingCoordinator.BATCH)
                                .setMicroBatches(TestingCoordinator.MICRO_BATCHES))
                .setPlanSha256("0".repeat(64))
                .addAllImageShape(List.of(1L, (long) SyntheticTask.SIDE, (long) SyntheticTask.SIDE))
                .setClassCount(SyntheticTask.CLASSES)
                .setNormalization(Normalization.newBuilder().addMean(120).addStd(70))
                .addAllTeacherTaps(taps)
                .addAllStudentTaps(List.of("block2.layer.0.bn1", "block3.layer.0.bn1", "bn1"))
                .addTracks(
                        Track.newBuilder()
                                .setName("cross-entropy")
                                .addPhases(
                                        phase(
                                                LossKind.LOSS_KIND_CROSS_ENTROPY,
                                                ScheduleKind.SCHEDULE_KIND_STEPS,
                                                0,
                                                BASELINE_END)))
                .addTracks(
                        Track.newBuilder()
                                .setName("distilled")
                                .setExport(export)
                                .addPhases(
                                        phase(
                                                LossKind.LOSS_KIND_BOUNDARY,
                                                ScheduleKind.SCHEDULE_KIND_CONSTANT,
                                                BASELINE_END,
                                                BOUNDARY_END))
                                .addPhases(
                                        phase(
                                                LossKind.LOSS_KIND_KD,
                                                ScheduleKind.SCHEDULE_KIND_COSINE,
                                                BOUNDARY_END,
                                                END)))
                .build();
    }

    private static TrackPhase phase(LossKind kind, ScheduleKind schedule, long start, long end) {
        PhasePlan phase =
                PhasePlan.newBuilder()
                        .setName(kind.name())
                        .addLosses(
                                LossPlan.newBuilder()
                                        .setKind(kind)
                                        .setWeight(1)
                                        .setMargin(1)
                                        .setReduction(Reduction.REDUCTION_MEAN)
                                        .setScale(10)
                                        .setTemperature(3)
                                        .setTemperatureSquared(true))
                        .setOptimizer(
                                OptimizerPlan.newBuilder()
                                        .setLearningRate(0.05)
                                        .setMomentum(0.9)
                                        .setWeightDecay(5e-4))
                        .setSchedule(
                                SchedulePlan.newBuilder()
                                        .setKind(schedule)
                                        .addAllAt(List.of(0.3, 0.6, 0.8))
                                        .setFactor(0.2))
                        .build();
        return TrackPhase.newBuilder().setPhase(phase).setStartStep(start).setEndStep(end).build();
    }

    /** A student beside a coordinator, in one process. */
    private static final class Mesh implements AutoCloseable {
        private final TestingCoordinator coordinator;
        private final Server server;
        private final ManagedChannel channel;
        private final StudentExchanges exchanges =
                new StudentExchanges(
                        MeshSecurity.plainText(),
                        new ExchangeSettings(PATIENCE, PATIENCE, PATIENCE, 64 << 20));
        private final StudentRunner student;

        Mesh(TestingCoordinator coordinator, Path checkpoints) throws IOException {
            this(coordinator, checkpoints, PATIENCE);
        }

        Mesh(TestingCoordinator coordinator, Path checkpoints, Duration stopGrace)
                throws IOException {
            this(coordinator, checkpoints, stopGrace, Duration.ofSeconds(20));
        }

        Mesh(
                TestingCoordinator coordinator,
                Path checkpoints,
                Duration stopGrace,
                Duration batchTimeout)
                throws IOException {
            this(
                    coordinator,
                    checkpoints,
                    stopGrace,
                    batchTimeout,
                    new NnStudentExport(checkpoints.resolve("export"), "test", new WorkProgress()));
        }

        Mesh(TestingCoordinator coordinator, Path checkpoints, StudentExport export)
                throws IOException {
            this(coordinator, checkpoints, PATIENCE, Duration.ofSeconds(20), export);
        }

        private Mesh(
                TestingCoordinator coordinator,
                Path checkpoints,
                Duration stopGrace,
                Duration batchTimeout,
                StudentExport export)
                throws IOException {
            this.coordinator = coordinator;
            String name = UUID.randomUUID().toString();
            server =
                    InProcessServerBuilder.forName(name)
                            .addService(coordinator)
                            .addService(coordinator.batches())
                            .build()
                            .start();
            channel = InProcessChannelBuilder.forName(name).build();
            student =
                    StudentRunner.start(
                            channel,
                            (address, request, maxBytes, allocator) ->
                                    BatchFetcher.fetch(
                                            channel,
                                            request,
                                            maxBytes,
                                            Duration.ofSeconds(10),
                                            allocator),
                            exchanges,
                            export,
                            StudentJoin.newBuilder()
                                    .setWorkerId("student-0")
                                    .setThreads(1)
                                    .setPrefetch(3)
                                    .build(),
                            new RunnerSettings(
                                    checkpoints,
                                    100,
                                    checkpoints.resolve("export"),
                                    new FetchSettings(1 << 20, 2, batchTimeout),
                                    stopGrace,
                                    Map.of("abmesh", "test")),
                            new StudentMeters(new SimpleMeterRegistry()),
                            StepTracing.off(),
                            new WorkProgress());
        }

        CompletableFuture<Throwable> broken() {
            return student.broken();
        }

        CompletableFuture<WorkFailed> failure() {
            return coordinator.failure();
        }

        boolean computes() {
            return student.computes();
        }

        @Override
        public void close() {
            student.close();
            exchanges.close();
            channel.shutdownNow();
            server.shutdownNow();
        }
    }
}
