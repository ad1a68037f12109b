package io.abmesh.student.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.util.Durations;
import io.abmesh.nn.checkpoint.Checkpoint;
import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.training.GradientSum;
import io.abmesh.nn.training.MicroBatch;
import io.abmesh.nn.training.MicroOutcome;
import io.abmesh.nn.training.ReductionTree.Subtree;
import io.abmesh.nn.training.StudentTrainer;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.ScaleChoice;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.student.exchange.GradientExchange;
import io.abmesh.student.exchange.MeasuredMicroBatch;
import io.abmesh.student.exchange.PeerException;
import io.abmesh.student.exchange.Roster;
import io.abmesh.student.exchange.StepTotal;
import io.abmesh.student.fetch.PendingBatch;
import io.abmesh.student.meter.StepPart;
import io.abmesh.student.meter.StudentMeters;
import io.abmesh.student.schedule.ScaleProbe;
import io.abmesh.student.session.WorkProgress;
import io.opentelemetry.api.trace.Span;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * The student of one run and its place in it. A step is all or nothing: it is applied when every
 * micro-batch was computed, here or by another student. Phases begin with a fresh optimiser and
 * tracks with the weights of the seed, both at their first step and not before, so that what
 * follows a track's last step still finds its student.
 *
 * <p>Owns native memory until closed. One thread, the compute thread.
 */
final class StudentRun implements AutoCloseable {
    /** Images that an export is checked on at most: {@value}. */
    static final int SAMPLE_IMAGES = 32;

    private final RunPlan plan;
    private final StudentTrainer trainer;
    private final StudentMeters meters;
    private final StepTracing tracing;
    private final WorkProgress progress;
    private final int reportsKept;
    private final Deque<StepReport> reports = new ArrayDeque<>();
    private final GradientSum sum;
    private @Nullable PlannedPhase phase;

    /** Of the phase of the last applied step. */
    private @Nullable PhaseCourse course;

    private long nextStep;
    private int unapplied;
    private byte[] samples = new byte[0];
    private int sampleCount;

    private StudentRun(
            RunPlan plan,
            StudentTrainer trainer,
            StudentMeters meters,
            StepTracing tracing,
            WorkProgress progress,
            int reportsKept) {
        this.plan = plan;
        this.trainer = trainer;
        this.meters = meters;
        this.tracing = tracing;
        this.progress = progress;
        this.reportsKept = reportsKept;
        this.sum = new GradientSum(trainer.gradientLength());
    }

    /**
     * Makes the student at the run's beginning.
     *
     * @param progress of the worker, which each micro-batch and each batch of an evaluation is
     * @param reportsKept newest reports that are kept for a coordinator that may have lost them
     * @throws RuntimeException TAP_SHAPE_MISMATCH, as {@link StudentFailures} reads it
     */
    static StudentRun start(
            RunPlan plan,
            int threads,
            StudentMeters meters,
            StepTracing tracing,
            WorkProgress progress,
            int reportsKept) {
        return new StudentRun(
                plan,
                new StudentTrainer(plan.studentSetup(threads)),
                meters,
                tracing,
                progress,
                reportsKept);
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
            Map<String, StoredTensor> tensors = new HashMap<>(checkpoint.tensors());
            PhaseCourse kept = PhaseCourse.of(of, tensors);
            trainer.beginPhase(kept.setupAt(step));
            trainer.restore(tensors);
            phase = of;
            course = kept;
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

    /** Returns whether a track was entered of which no step is applied: its weights are here. */
    boolean beginsTrack() {
        PlannedPhase current = phase;
        return current != null
                && plan.phaseOf(nextStep - 1)
                        .filter(applied -> applied.track() == current.track())
                        .isEmpty();
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
     * Trains one step: computes the own micro-batches, as soon as each is there, and applies what
     * all students computed.
     *
     * @param roster the students of the epoch
     * @param exchange with them
     * @throws MeshException STREAM_PROTOCOL if it is not the next step nor the first of a later
     *     phase, or its micro-batches are not the roster's; CANCELLED if its batches were
     *     abandoned, in which case the step is not applied; whatever else is wrong with a batch
     * @throws PeerException if the others' parts do not come; the step is not applied
     * @throws RuntimeException LOSS_NOT_FINITE, as {@link StudentFailures} reads it; the run cannot
     *     go on then
     */
    StepReport step(Work.Step work, Roster roster, GradientExchange exchange)
            throws InterruptedException {
        long step = work.assignment().getStep();
        PlannedPhase of = work.phase();
        requireNext(step, of, work.batches().size(), roster.own());
        Span span = tracing.follow(work.assignment().getTraceParent(), "student.step");
        try {
            return step(work, of, roster, exchange, new Stopwatch(span));
        } finally {
            span.end();
        }
    }

    private StepReport step(
            Work.Step work,
            PlannedPhase of,
            Roster roster,
            GradientExchange exchange,
            Stopwatch watch)
            throws InterruptedException {
        long step = work.assignment().getStep();
        exchange.begin(step);
        enter(of);
        PhaseCourse now = course == null || step == of.startStep() ? PhaseCourse.begin(of) : course;
        if (now.restarts(step)) {
            trainer.reset();
            trainer.beginPhase(now.setupAt(step));
        }
        int images = computeOwn(work.batches(), roster, exchange, watch);
        StepTotal total = finish(exchange);
        watch.lap(StepPart.EXCHANGE);
        double rate = now.learningRateAt(step);
        apply(total, rate);
        Outcomes outcomes = new Outcomes(total.microBatches());
        Optional<ScaleProbe.Choice> choice = now.applied(step, outcomes.loss, outcomes.agreement);
        course = now;
        nextStep = step + 1;
        unapplied = 0;
        watch.lap(StepPart.UPDATE);
        StepReport.Builder report =
                StepReport.newBuilder()
                        .setRunId(plan.runId())
                        .setStep(step)
                        .setLoss(outcomes.loss)
                        .addAllTerms(outcomes.terms)
                        .addAllAgreement(outcomes.agreement)
                        .setLearningRate(rate)
                        .setWaitDuration(Durations.fromNanos(watch.nanos(StepPart.FETCH)))
                        .setComputeDuration(Durations.fromNanos(watch.computeNanos()))
                        .setExchangeDuration(Durations.fromNanos(watch.nanos(StepPart.EXCHANGE)));
        choice.ifPresent(
                found ->
                        report.setScaleChoice(
                                ScaleChoice.newBuilder()
                                        .addAllAgreements(found.agreements())
                                        .setScale(found.scale())));
        StepReport told = report.build();
        remember(told);
        meters.stepApplied(images, watch.times());
        meters.agreed(plan.studentTaps(), outcomes.agreement);
        return told;
    }

    private void requireNext(long step, PlannedPhase of, int batches, RosterMember own) {
        if (step != nextStep && !(step > nextStep && step == of.startStep())) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "step is not the next: found=" + step + ", expected=" + nextStep,
                    Map.of("step", Long.toString(step)));
        }
        if (batches != own.getEndMicroBatch() - own.getFirstMicroBatch()) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "step has other micro-batches than the roster: step="
                            + step
                            + ", found="
                            + batches
                            + ", expected="
                            + (own.getEndMicroBatch() - own.getFirstMicroBatch()),
                    Map.of("step", Long.toString(step)));
        }
    }

    /** Returns the number of images. */
    private int computeOwn(
            List<PendingBatch> batches, Roster roster, GradientExchange exchange, Stopwatch watch)
            throws InterruptedException {
        int first = roster.own().getFirstMicroBatch();
        List<Subtree> whole = roster.tree().cover(first, roster.own().getEndMicroBatch());
        sum.begin(roster.tree(), first);
        int images = 0;
        int given = 0;
        for (int i = 0; i < batches.size(); i++) {
            PendingBatch batch = batches.get(i);
            Map<String, Tensor> tensors = batch.await();
            watch.lap(StepPart.FETCH);
            float[] gradient = sum.next();
            float[] statistics = new float[trainer.statisticsLength()];
            double share = (double) batch.sampleCount() / plan.begin().getPlan().getBatch();
            MicroOutcome outcome = trainer.forward(microBatch(batch.sampleCount(), tensors));
            watch.lap(StepPart.FORWARD);
            trainer.backward(share, gradient, statistics);
            unapplied++;
            progress.pieceDone();
            images += batch.sampleCount();
            if (sampleCount == 0) {
                keepSamples(tensors, batch.sampleCount());
            }
            batch.release();
            sum.add(gradient);
            exchange.measured(new MeasuredMicroBatch(first + i, outcome, statistics));
            for (Map.Entry<Subtree, float[]> part : sum.sums().entrySet()) {
                if (given < whole.size() && part.getKey().equals(whole.get(given))) {
                    exchange.summed(part.getKey(), part.getValue());
                    given++;
                }
            }
            watch.lap(StepPart.BACKWARD);
        }
        return images;
    }

    private static StepTotal finish(GradientExchange exchange) throws InterruptedException {
        try {
            return exchange.finish();
        } catch (MeshException e) {
            throw new PeerException(e);
        }
    }

    private void apply(StepTotal total, double rate) {
        trainer.apply(
                rate,
                total.gradient(),
                total.microBatches().stream().map(MeasuredMicroBatch::statistics).toList());
    }

    /**
     * Takes over the state of another student.
     *
     * @param step the step that it computes next
     * @throws MeshException CHECKPOINT_CORRUPT if it is not of this run's student or phases
     */
    void adopt(Map<String, StoredTensor> state, long step) {
        if (step == 0) {
            trainer.reset();
            phase = null;
            course = null;
            nextStep = 0;
        } else {
            restore(new Checkpoint(Map.of(Checkpoint.STEP, Long.toString(step - 1)), state));
        }
        reports.clear();
    }

    /** Returns copies of everything that training goes on from. */
    Map<String, StoredTensor> state() {
        Map<String, StoredTensor> tensors = new LinkedHashMap<>(trainer.state());
        if (course != null) {
            course.addTo(tensors);
        }
        return tensors;
    }

    /**
     * Returns the SHA-256 over the position and everything that training goes on from, lower-case
     * hex.
     */
    String stateSha256() {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, nextStep));
        state().forEach(
                        (name, tensor) -> {
                            digest.update((name + tensor.shape() + "\n").getBytes(UTF_8));
                            digest.update(tensor.bytes());
                        });
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Returns the micro-batches computed in vain since {@link #discardsKnown}. */
    int discarded() {
        return unapplied;
    }

    /** Says that the coordinator has written down what was computed in vain. */
    void discardsKnown() {
        unapplied = 0;
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
            progress.pieceDone();
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

    /**
     * Copies everything that training goes on from; absent before the first step. Only the copy is
     * made here: hashing it is left to whoever writes it.
     */
    Optional<Snapshot> snapshot(Map<String, String> versions) {
        Optional<PlannedPhase> applied = plan.phaseOf(nextStep - 1);
        if (applied.isEmpty()) {
            return Optional.empty();
        }
        PlannedPhase last = applied.get();
        Map<String, String> metadata = new HashMap<>();
        versions.forEach((name, version) -> metadata.put("version." + name, version));
        metadata.put(Checkpoint.PLAN_SHA256, plan.planSha256());
        metadata.put(Checkpoint.RUN_ID, plan.runId());
        metadata.put(Checkpoint.STEP, Long.toString(nextStep - 1));
        metadata.put(Checkpoint.TRACK, plan.tracks().get(last.track()).name());
        metadata.put(Checkpoint.PHASE, last.name());
        metadata.put(Checkpoint.DATASET_SHA256, plan.begin().getDatasetSha256());
        if (!plan.begin().getTeacherSha256().isEmpty()) {
            metadata.put(Checkpoint.TEACHER_SHA256, plan.begin().getTeacherSha256());
        }
        Map<String, StoredTensor> ofCourse = new LinkedHashMap<>();
        if (course != null) {
            course.addTo(ofCourse);
        }
        return Optional.of(new Snapshot(nextStep - 1, metadata, trainer.state(), ofCourse));
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
        Map<String, TeacherResponses> taps = new HashMap<>();
        tensors.forEach(
                (name, tensor) -> {
                    if (!name.equals(RunPlan.IMAGE)
                            && !name.equals(RunPlan.LABEL)
                            && !name.equals(RunPlan.LOGITS)) {
                        taps.put(name, responses(tensor));
                    }
                });
        return new MicroBatch(
                size,
                bytes(tensors, RunPlan.IMAGE),
                bytesOrNull(tensors, RunPlan.LABEL),
                taps,
                bytesOrNull(tensors, RunPlan.LOGITS));
    }

    private static TeacherResponses responses(Tensor tensor) {
        return new TeacherResponses(
                switch (tensor.description().getEncoding()) {
                    case ENCODING_SIGN_BITS -> TeacherResponses.Encoding.SIGN_BITS;
                    case ENCODING_FLOAT16 -> TeacherResponses.Encoding.FLOAT16;
                    case ENCODING_FLOAT32 -> TeacherResponses.Encoding.FLOAT32;
                    default ->
                            throw new IllegalStateException(
                                    "no tap's encoding: found=" + tensor.description());
                },
                tensor.bytes());
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

    /** Where the time of a step goes. */
    private final class Stopwatch {
        private final Map<StepPart, Duration> times = new EnumMap<>(StepPart.class);
        private final Span span;
        private long last = System.nanoTime();

        Stopwatch(Span span) {
            this.span = span;
        }

        /** What was done since the last lap. */
        void lap(StepPart part) {
            long now = System.nanoTime();
            Duration lap = Duration.ofNanos(now - last);
            times.merge(part, lap, Duration::plus);
            last = now;
            if (span.isRecording()) {
                Instant end = Instant.now();
                tracing.record(span, part.word(), end.minus(lap), end);
            }
        }

        Map<StepPart, Duration> times() {
            return times;
        }

        long nanos(StepPart part) {
            return times.getOrDefault(part, Duration.ZERO).toNanos();
        }

        long computeNanos() {
            return nanos(StepPart.FORWARD) + nanos(StepPart.BACKWARD) + nanos(StepPart.UPDATE);
        }
    }

    /** Means over the micro-batches of a step, added up in their order. */
    private static final class Outcomes {
        private final int microBatches;
        private double loss;
        private List<Double> terms = List.of();
        private List<Double> agreement = List.of();

        Outcomes(List<MeasuredMicroBatch> all) {
            microBatches = all.size();
            all.forEach(measured -> add(measured.outcome()));
        }

        private void add(MicroOutcome outcome) {
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
