package io.abmesh.student.run;

import com.google.protobuf.util.Durations;
import io.abmesh.nn.checkpoint.Checkpoint;
import io.abmesh.nn.training.MicroBatch;
import io.abmesh.nn.training.MicroOutcome;
import io.abmesh.nn.training.StudentTrainer;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.student.fetch.PendingBatch;
import io.abmesh.student.meter.StudentMeters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * The student of one run and its place in it. A step is all or nothing: it computes only when every
 * micro-batch is there. Phases begin with a fresh optimiser and tracks with the weights of the
 * seed, both at their first step and not before, so that what follows a track's last step still
 * finds its student.
 *
 * <p>Owns native memory until closed. One thread, the compute thread.
 */
final class StudentRun implements AutoCloseable {
    /** Images that an export is checked on at most: {@value}. */
    static final int SAMPLE_IMAGES = 32;

    private final RunPlan plan;
    private final StudentTrainer trainer;
    private final StudentMeters meters;
    private final int reportsKept;
    private final Deque<StepReport> reports = new ArrayDeque<>();
    private @Nullable PlannedPhase phase;
    private long nextStep;
    private byte[] samples = new byte[0];
    private int sampleCount;

    private StudentRun(
            RunPlan plan, StudentTrainer trainer, StudentMeters meters, int reportsKept) {
        this.plan = plan;
        this.trainer = trainer;
        this.meters = meters;
        this.reportsKept = reportsKept;
    }

    /**
     * Makes the student at the run's beginning.
     *
     * @param reportsKept newest reports that are kept for a coordinator that may have lost them
     * @throws RuntimeException TAP_SHAPE_MISMATCH, as {@link StudentFailures} reads it
     */
    static StudentRun start(RunPlan plan, int threads, StudentMeters meters, int reportsKept) {
        return new StudentRun(
                plan, new StudentTrainer(plan.studentSetup(threads)), meters, reportsKept);
    }

    /**
     * Goes on from a checkpoint of this run.
     *
     * @throws MeshException CHECKPOINT_CORRUPT if it is not of this run's student or phases
     */
    void restore(Checkpoint checkpoint) {
        String written = checkpoint.require(Checkpoint.STEP);
        try {
            long step = Long.parseLong(written);
            PlannedPhase of =
                    plan.phaseOf(step)
                            .orElseThrow(() -> new IllegalArgumentException("step of no phase"));
            trainer.beginPhase(of.setup());
            trainer.restore(checkpoint.tensors());
            phase = of;
            nextStep = step + 1;
        } catch (IllegalArgumentException e) {
            throw new MeshException(
                    ErrorReason.CHECKPOINT_CORRUPT,
                    "checkpoint does not fit its run: step="
                            + written
                            + ", cause="
                            + e.getMessage(),
                    Map.of("step", written),
                    e);
        }
    }

    RunPlan plan() {
        return plan;
    }

    StudentTrainer trainer() {
        return trainer;
    }

    /** The step after the last applied one; 0 at the beginning. */
    long nextStep() {
        return nextStep;
    }

    /** The newest reports, ascending. */
    List<StepReport> reports() {
        return List.copyOf(reports);
    }

    /** Name of the track whose student this is; the first at the beginning. */
    String track() {
        PlannedPhase current = phase;
        return plan.tracks().get(current == null ? 0 : current.track()).name();
    }

    /** The report of a step that was applied, if it is still known. */
    Optional<StepReport> reportOf(long step) {
        return reports.stream().filter(report -> report.getStep() == step).findFirst();
    }

    /**
     * Trains one step.
     *
     * @throws MeshException STREAM_PROTOCOL if it is not the next step nor the first of a later
     *     phase; CANCELLED if its batches were abandoned, in which case nothing has changed;
     *     whatever else is wrong with a batch
     * @throws RuntimeException LOSS_NOT_FINITE, as {@link StudentFailures} reads it; the run cannot
     *     go on then
     */
    StepReport step(Work.Step work) throws InterruptedException {
        long step = work.assignment().getStep();
        PlannedPhase of = work.phase();
        if (step != nextStep && !(step > nextStep && step == of.startStep())) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "step is not the next: found=" + step + ", expected=" + nextStep,
                    Map.of("step", Long.toString(step)));
        }
        long begun = System.nanoTime();
        List<Map<String, Tensor>> tensors = new ArrayList<>();
        for (PendingBatch batch : work.batches()) {
            tensors.add(batch.await());
        }
        long ready = System.nanoTime();
        enter(of);
        Outcomes outcomes = new Outcomes(work.batches().size());
        int images = 0;
        for (int i = 0; i < tensors.size(); i++) {
            int size = work.batches().get(i).sampleCount();
            outcomes.add(trainer.accumulate(microBatch(size, tensors.get(i)), tensors.size()));
            images += size;
        }
        double rate = of.learningRateAt(step);
        trainer.applyUpdate(rate);
        nextStep = step + 1;
        if (sampleCount == 0) {
            keepSamples(tensors.get(0), work.batches().get(0).sampleCount());
        }
        long done = System.nanoTime();
        StepReport report =
                StepReport.newBuilder()
                        .setRunId(plan.runId())
                        .setStep(step)
                        .setLoss(outcomes.loss)
                        .addAllTerms(outcomes.terms)
                        .addAllAgreement(outcomes.agreement)
                        .setLearningRate(rate)
                        .setWaitDuration(Durations.fromNanos(ready - begun))
                        .setComputeDuration(Durations.fromNanos(done - ready))
                        .build();
        remember(report);
        meters.stepApplied(
                images,
                java.time.Duration.ofNanos(done - ready),
                java.time.Duration.ofNanos(ready - begun));
        meters.agreed(plan.studentTaps(), outcomes.agreement);
        return report;
    }

    /**
     * Classifies test batches, one at a time; changes nothing of the student.
     *
     * @throws MeshException CANCELLED if its batches were abandoned; LOSS_NOT_FINITE if a logit is
     *     not finite; whatever else is wrong with a batch
     */
    EvaluationReport evaluate(Work.Evaluate work) throws InterruptedException {
        long correct = 0;
        long count = 0;
        double crossEntropy = 0;
        long computeNanos = 0;
        boolean first = true;
        for (PendingBatch batch : work.batches()) {
            Map<String, Tensor> tensors = batch.await();
            int size = batch.sampleCount();
            long begun = System.nanoTime();
            float[] logits = trainer.logits(bytes(tensors, RunPlan.IMAGE), size);
            computeNanos += System.nanoTime() - begun;
            IntBuffer labels = bytes(tensors, RunPlan.LABEL).asIntBuffer();
            int classes = plan.begin().getClassCount();
            for (int i = 0; i < size; i++) {
                Classification found =
                        Classification.of(logits, i * classes, classes, labels.get(i));
                correct += found.correct() ? 1 : 0;
                crossEntropy += found.crossEntropy();
            }
            count += size;
            if (first) {
                keepSamples(tensors, size);
                first = false;
            }
            batch.release();
        }
        return EvaluationReport.newBuilder()
                .setRunId(plan.runId())
                .setEvaluationId(work.assignment().getEvaluationId())
                .setCorrectCount(correct)
                .setSampleCount(count)
                .setCrossEntropy(count == 0 ? 0 : crossEntropy / count)
                .setComputeDuration(Durations.fromNanos(computeNanos))
                .build();
    }

    /** Copies everything that training goes on from; absent before the first step. */
    Optional<Checkpoint> snapshot(Map<String, String> versions) {
        PlannedPhase current = phase;
        if (current == null) {
            return Optional.empty();
        }
        Map<String, String> metadata = new HashMap<>();
        versions.forEach((name, version) -> metadata.put("version." + name, version));
        metadata.put(Checkpoint.PLAN_SHA256, plan.planSha256());
        metadata.put(Checkpoint.RUN_ID, plan.runId());
        metadata.put(Checkpoint.STEP, Long.toString(nextStep - 1));
        metadata.put(Checkpoint.TRACK, track());
        metadata.put(Checkpoint.PHASE, current.name());
        metadata.put(Checkpoint.DATASET_SHA256, plan.begin().getDatasetSha256());
        if (!plan.begin().getTeacherSha256().isEmpty()) {
            metadata.put(Checkpoint.TEACHER_SHA256, plan.begin().getTeacherSha256());
        }
        metadata.put(Checkpoint.PARAMETERS_SHA256, trainer.parametersSha256());
        return Optional.of(new Checkpoint(metadata, trainer.state()));
    }

    /**
     * Images to compare an exported student on: of the last evaluation, else of the first step
     * since the start, else, right after a restart, noise of the plan's seed.
     */
    ByteBuffer sampleImages() {
        if (sampleCount == 0) {
            samples = new byte[SAMPLE_IMAGES * plan.network().inputShape().elements()];
            new SplittableRandom(plan.begin().getPlan().getSeed()).nextBytes(samples);
            sampleCount = SAMPLE_IMAGES;
        }
        return ByteBuffer.wrap(samples).asReadOnlyBuffer();
    }

    /** Number of {@link #sampleImages}. */
    int sampleImageCount() {
        return samples.length / plan.network().inputShape().elements();
    }

    @Override
    public void close() {
        trainer.close();
    }

    private void enter(PlannedPhase next) {
        PlannedPhase before = phase;
        // By place and not by equality: a run that begins again has new objects for the same phase.
        if (before != null && before.startStep() == next.startStep()) {
            return;
        }
        if (before == null || before.track() != next.track()) {
            trainer.reset();
        }
        trainer.beginPhase(next.setup());
        phase = next;
    }

    private void remember(StepReport report) {
        reports.addLast(report);
        if (reports.size() > reportsKept) {
            reports.removeFirst();
        }
    }

    private MicroBatch microBatch(int size, Map<String, Tensor> tensors) {
        Map<String, ByteBuffer> boundaries = new HashMap<>();
        tensors.forEach(
                (name, tensor) -> {
                    if (!name.equals(RunPlan.IMAGE)
                            && !name.equals(RunPlan.LABEL)
                            && !name.equals(RunPlan.LOGITS)) {
                        boundaries.put(name, tensor.bytes());
                    }
                });
        return new MicroBatch(
                size,
                bytes(tensors, RunPlan.IMAGE),
                bytesOrNull(tensors, RunPlan.LABEL),
                boundaries,
                bytesOrNull(tensors, RunPlan.LOGITS));
    }

    private void keepSamples(Map<String, Tensor> tensors, int size) {
        int count = Math.min(SAMPLE_IMAGES, size);
        samples = new byte[count * plan.network().inputShape().elements()];
        bytes(tensors, RunPlan.IMAGE).get(samples);
        sampleCount = count;
    }

    private static ByteBuffer bytes(Map<String, Tensor> tensors, String name) {
        ByteBuffer bytes = bytesOrNull(tensors, name);
        if (bytes == null) {
            throw new IllegalStateException("batch lacks a tensor: expected=" + name);
        }
        return bytes;
    }

    private static @Nullable ByteBuffer bytesOrNull(Map<String, Tensor> tensors, String name) {
        Tensor tensor = tensors.get(name);
        return tensor == null ? null : tensor.bytes().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Means over the micro-batches of a step, added up in their order. */
    private static final class Outcomes {
        private final int microBatches;
        private double loss;
        private List<Double> terms = List.of();
        private List<Double> agreement = List.of();

        Outcomes(int microBatches) {
            this.microBatches = microBatches;
        }

        void add(MicroOutcome outcome) {
            loss += outcome.loss() / microBatches;
            terms = sum(terms, outcome.terms());
            agreement = sum(agreement, outcome.agreement());
        }

        private List<Double> sum(List<Double> before, List<Double> more) {
            List<Double> sums = new ArrayList<>();
            for (int i = 0; i < more.size(); i++) {
                double old = before.isEmpty() ? 0 : before.get(i);
                sums.add(old + more.get(i) / microBatches);
            }
            return sums;
        }
    }
}
