package io.abmesh.coordinator.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import io.abmesh.coordinator.meter.RunMeters;
import io.abmesh.coordinator.run.RunScript.Item;
import io.abmesh.coordinator.store.LedgerFile;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RosterFormed;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.TrackEnded;
import io.abmesh.proto.v1.TrackReport;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Writes down what a run does: events in the journal, and {@code metrics.jsonl}, one object per
 * committed step or evaluation, in which each step stands once however often it was computed.
 */
final class RunLog implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(RunLog.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String METRICS = "metrics.jsonl";
    private static final String LEDGER = "ledger";

    private final RunRecord record;
    private final Plan plan;
    private final Clock clock;
    private final int evaluationBatch;
    private final RunMeters meters;
    private final RunNotices notices;

    /** Names of the taps, by the first step of a phase. */
    private final NavigableMap<Long, List<String>> taps = new TreeMap<>();

    private Map<String, String> versions = new TreeMap<>();
    private long parameterCount;
    private final LedgerFile ledger;
    private @Nullable BufferedWriter metrics;

    private RunLog(
            RunRecord record,
            Plan plan,
            Clock clock,
            int evaluationBatch,
            RunMeters meters,
            LedgerFile ledger) {
        this.record = record;
        this.plan = plan;
        this.clock = clock;
        this.evaluationBatch = evaluationBatch;
        this.meters = meters;
        this.notices = new RunNotices(record, meters);
        this.ledger = ledger;
    }

    /**
     * Goes on writing where a coordinator before left off.
     *
     * @throws io.abmesh.proto.error.MeshException STORE_FULL if the run's folder cannot be written
     */
    static RunLog open(
            RunRecord record, Plan plan, Clock clock, int evaluationBatch, RunMeters meters) {
        Path file = record.folder().file(LEDGER);
        try {
            LedgerFile ledger = LedgerFile.open(file);
            RunLog log = new RunLog(record, plan, clock, evaluationBatch, meters, ledger);
            if (ledger.damaged()) {
                log.notice(
                        "LEDGER_LOST", "counts of refused messages begin at 0 again: file=" + file);
            }
            return log;
        } catch (IOException e) {
            throw RunStore.unusable(file, e);
        }
    }

    int evaluationBatch() {
        return evaluationBatch;
    }

    Map<String, String> versions() {
        return versions;
    }

    long parameterCount() {
        return parameterCount;
    }

    /** Messages that were refused, here or by a student of another, by reason. */
    Map<String, Long> refusedCounts() {
        return ledger.counts();
    }

    void versions(StudentPosition position) {
        versions = new TreeMap<>(position.getVersionsMap());
        parameterCount = position.getParameterCount();
    }

    void refused(ErrorReason reason) {
        meters.refused(reason);
        try {
            ledger.count(reason.name());
        } catch (IOException e) {
            throw RunStore.unusable(record.folder().file(LEDGER), e);
        }
    }

    void rosterFormed(
            RunScript script,
            long epoch,
            long next,
            List<String> workers,
            List<String> copied,
            long discarded) {
        meters.discarded(discarded);
        record.append(
                RunEvent.newBuilder()
                        .setRosterFormed(
                                RosterFormed.newBuilder()
                                        .setEpoch(epoch)
                                        .setNextStep(next)
                                        .addAllWorkerIds(workers)
                                        .addAllCopiedIds(copied)
                                        .setDiscardedCount(discarded)
                                        .setTotalSteps(script.totalSteps())));
    }

    void notice(String reason, String message) {
        notices.notice(reason, message);
    }

    /** Makes {@code metrics.jsonl} say what happened before a step, and no more. */
    void rewind(long next) {
        try {
            closeMetrics();
            RunHistory history = history().before(next);
            for (PhaseStarted phase : history.started().values()) {
                taps.put(phase.getStartStep(), phase.getTapsList());
            }
            StringBuilder lines = new StringBuilder();
            for (StepCommitted step : history.steps().values()) {
                lines.append(line(step));
            }
            for (Evaluated evaluation : history.evaluations().values()) {
                lines.append(line(evaluation));
            }
            record.folder().publish(METRICS, lines.toString().getBytes(UTF_8));
            metrics = Files.newBufferedWriter(metricsFile(), StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw RunStore.unusable(metricsFile(), e);
        }
    }

    private Path metricsFile() {
        return record.folder().file(METRICS);
    }

    RunHistory history() {
        try {
            return RunHistory.read(record.journal());
        } catch (IOException e) {
            throw RunStore.unusable(record.folder().folder(), e);
        }
    }

    /** Returns what stands behind a committed step and is not in the journal yet. */
    List<Item> unfinished(RunScript script, long step) {
        RunHistory history = history();
        RunScript.Place place = script.place(step);
        String phase = place.track().getName() + "/" + place.phase().getPhase().getName();
        boolean early = Long.valueOf(step).equals(history.endSteps().get(phase));
        List<Item> items = new ArrayList<>();
        for (Item item : early ? script.endOfPhase(step) : script.items(step)) {
            if (open(item, step, place, phase, history)) {
                items.add(item);
            }
        }
        // A student compares what it exports on the images of its last evaluation, which one that
        // was started again has not seen.
        boolean endsTrack = items.stream().anyMatch(item -> item instanceof RunScript.EndTrack);
        boolean evaluates = items.stream().anyMatch(item -> item instanceof RunScript.Evaluate);
        if (endsTrack && !evaluates) {
            items.add(0, new RunScript.Evaluate(step));
        }
        return items;
    }

    private static boolean open(
            Item item, long step, RunScript.Place place, String phase, RunHistory history) {
        if (item instanceof RunScript.Evaluate) {
            return !history.evaluations().containsKey(step);
        }
        if (item instanceof RunScript.Checkpoint) {
            return place.lastOfPhase(step) && !history.ended().containsKey(phase);
        }
        return item instanceof RunScript.EndTrack
                && !history.tracks().containsKey(place.track().getName());
    }

    /** Returns whether a phase ended at that step. */
    boolean phaseEndedAt(RunScript script, long step) {
        RunScript.Place place = script.place(step);
        String phase = place.track().getName() + "/" + place.phase().getPhase().getName();
        return Long.valueOf(step).equals(history().endSteps().get(phase));
    }

    void phaseStarted(RunScript.Place place, RunWorld.@Nullable Teacher teacher) {
        List<String> names =
                teacher == null
                        ? List.of()
                        : teacher.match().teacherTaps().stream()
                                .map(TapDescription::getName)
                                .toList();
        taps.put(place.phase().getStartStep(), names);
        record.append(
                RunEvent.newBuilder()
                        .setPhaseStarted(
                                PhaseStarted.newBuilder()
                                        .setTrack(place.track().getName())
                                        .setPhase(place.phase().getPhase().getName())
                                        .setStartStep(place.phase().getStartStep())
                                        .setEndStep(place.phase().getEndStep())
                                        .addAllTaps(names)));
    }

    /**
     * Writes down a step.
     *
     * @param cached samples that a teacher's cache answered
     * @param computed samples that a teacher computed
     * @param imagesPerSecond that the students train now
     */
    void committed(StepReport report, int cached, int computed, double imagesPerSecond) {
        StepCommitted step =
                StepCommitted.newBuilder()
                        .setStep(report.getStep())
                        .setLoss(report.getLoss())
                        .addAllTerms(report.getTermsList())
                        .addAllAgreement(report.getAgreementList())
                        .setLearningRate(report.getLearningRate())
                        .setImagesPerSecond(imagesPerSecond)
                        .setCachedCount(cached)
                        .setComputedCount(computed)
                        .build();
        record.append(RunEvent.newBuilder().setStepCommitted(step));
        write(line(step));
        LOG.debugf(
                "Step committed loss=%.4g imagesPerSecond=%.1f",
                step.getLoss(), step.getImagesPerSecond());
        meters.stepCommitted(plan.getBatch());
    }

    void evaluated(RunScript script, EvaluationReport report) {
        long step = report.getEvaluationId();
        double seconds = Durations.toNanos(report.getComputeDuration()) / 1e9;
        Evaluated evaluated =
                Evaluated.newBuilder()
                        .setTrack(script.place(step).track().getName())
                        .setStep(step)
                        .setEpoch(script.epochs(step))
                        .setAccuracy((double) report.getCorrectCount() / report.getSampleCount())
                        .setCrossEntropy(report.getCrossEntropy())
                        .setImagesPerSecond(seconds == 0 ? 0 : report.getSampleCount() / seconds)
                        .build();
        record.append(RunEvent.newBuilder().setEvaluated(evaluated));
        write(line(evaluated));
    }

    void trackEnded(TrackReport report) {
        TrackEnded.Builder ended =
                TrackEnded.newBuilder()
                        .setTrack(report.getTrack())
                        .setParametersSha256(report.getParametersSha256())
                        .setOnnxBytes(report.getOnnxBytes());
        if (report.hasExportDifference()) {
            ended.setExportDifference(report.getExportDifference());
        }
        record.append(RunEvent.newBuilder().setTrackEnded(ended));
    }

    void phaseEnded(RunScript script, long step) {
        RunScript.Place place = script.place(step);
        RunHistory history = history();
        long start = place.phase().getStartStep();
        long count = step - start + 1;
        long planned = place.phase().getEndStep() - start;
        long epochSteps =
                Math.max(
                        1,
                        Math.round(
                                (double) planned
                                        / Math.max(1, place.phase().getPhase().getEpochs())));
        List<StepCommitted> last =
                new ArrayList<>(
                        history.steps()
                                .subMap(Math.max(start, step - epochSteps + 1), true, step, true)
                                .values());
        double seconds = secondsOfPhase(place);
        PhaseEnded.Builder ended =
                PhaseEnded.newBuilder()
                        .setTrack(place.track().getName())
                        .setPhase(place.phase().getPhase().getName())
                        .setStepCount(count)
                        .setDuration(Durations.fromNanos((long) (seconds * 1e9)))
                        .setImagesPerSecond(
                                seconds == 0 ? 0 : count * (double) plan.getBatch() / seconds)
                        .setLoss(
                                last.stream()
                                        .mapToDouble(StepCommitted::getLoss)
                                        .average()
                                        .orElse(0));
        int tapCount = last.isEmpty() ? 0 : last.get(0).getAgreementCount();
        for (int tap = 0; tap < tapCount; tap++) {
            int index = tap;
            ended.addAgreement(
                    last.stream().mapToDouble(s -> s.getAgreement(index)).average().orElse(0));
        }
        Evaluated evaluated = history.evaluations().get(step);
        if (evaluated != null) {
            ended.setAccuracy(evaluated.getAccuracy());
        }
        record.append(RunEvent.newBuilder().setPhaseEnded(ended));
    }

    /**
     * Returns how long a phase has been worked at: since it started, but for the time before each
     * roster, in which nobody worked or in vain.
     */
    private double secondsOfPhase(RunScript.Place place) {
        try {
            int started = startOf(place);
            if (started < 0) {
                return 0;
            }
            long worked = Timestamps.toMillis(record.journal().read(started).getTime());
            long millis = 0;
            for (int i = started + 1; i < record.journal().count(); i++) {
                RunEvent event = record.journal().read(i);
                if (event.hasNotice()) {
                    continue; // it may come at any time
                }
                long now = Timestamps.toMillis(event.getTime());
                millis += event.hasRosterFormed() ? 0 : Math.max(0, now - worked);
                worked = now;
            }
            return (millis + Math.max(0, clock.millis() - worked)) / 1e3;
        } catch (IOException e) {
            throw RunStore.unusable(record.folder().folder(), e);
        }
    }

    /** Returns the number of the event with which a phase started last; -1 if it is not there. */
    private int startOf(RunScript.Place place) throws IOException {
        for (int i = record.journal().count() - 1; i >= 0; i--) {
            RunEvent event = record.journal().read(i);
            if (event.hasPhaseStarted()
                    && event.getPhaseStarted().getStartStep() == place.phase().getStartStep()) {
                return i;
            }
        }
        return -1;
    }

    private String line(StepCommitted step) {
        ObjectNode line = JSON.createObjectNode();
        line.put("type", "step").put("step", step.getStep()).put("loss", step.getLoss());
        step.getTermsList().forEach(line.putArray("terms")::add);
        ObjectNode agreement = line.putObject("agreement");
        Map.Entry<Long, List<String>> phase = taps.floorEntry(step.getStep());
        List<String> names = phase == null ? List.of() : phase.getValue();
        for (int i = 0; i < step.getAgreementCount(); i++) {
            agreement.put(i < names.size() ? names.get(i) : "tap" + (i + 1), step.getAgreement(i));
        }
        line.put("learningRate", step.getLearningRate())
                .put("imagesPerSecond", step.getImagesPerSecond());
        return line + "\n";
    }

    private static String line(Evaluated evaluated) {
        return JSON.createObjectNode()
                        .put("type", "evaluation")
                        .put("track", evaluated.getTrack())
                        .put("step", evaluated.getStep())
                        .put("epoch", evaluated.getEpoch())
                        .put("accuracy", evaluated.getAccuracy())
                        .put("crossEntropy", evaluated.getCrossEntropy())
                + "\n";
    }

    private void write(String line) {
        if (metrics == null) {
            throw new IllegalStateException("no position yet");
        }
        try {
            metrics.write(line);
            metrics.flush();
        } catch (IOException e) {
            throw RunStore.unusable(metricsFile(), e);
        }
    }

    private void closeMetrics() throws IOException {
        if (metrics != null) {
            metrics.close();
            metrics = null;
        }
    }

    @Override
    public void close() {
        try {
            ledger.close();
            closeMetrics();
        } catch (IOException e) {
            throw RunStore.unusable(record.folder().folder(), e);
        }
    }
}
