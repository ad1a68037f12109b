package io.abmesh.coordinator.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.util.Durations;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.coordinator.run.RunHistory;
import io.abmesh.coordinator.run.RunWorld;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RosterFormed;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.TrackEnded;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The result of a run for programs: {@code report.json}.
 *
 * @param run state
 * @param plan complete
 * @param world what it met
 * @param teacher absent without
 * @param history what happened
 * @param versions of what computed
 * @param parameterCount trained elements of the student
 * @param refused messages of workers that were refused, by reason
 */
public record RunReport(
        Run run,
        Plan plan,
        RunWorld world,
        RunWorld.@Nullable Teacher teacher,
        RunHistory history,
        Map<String, String> versions,
        long parameterCount,
        Map<String, Long> refused) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Returns the last accuracy of a track. */
    public Optional<Double> accuracy(String track) {
        return history.evaluations().descendingMap().values().stream()
                .filter(e -> e.getTrack().equals(track))
                .findFirst()
                .map(Evaluated::getAccuracy);
    }

    /** Returns the name of the track whose student is the result. */
    public String ownTrack() {
        return plan.hasTeacher() ? TrackPlanner.DISTILLED : TrackPlanner.SUPERVISED;
    }

    /** Returns the document. */
    public byte[] toJson() {
        ObjectNode root = JSON.createObjectNode();
        root.put("runId", run.getRunId())
                .put("planName", plan.getName())
                .put("state", run.getState().name().replace("RUN_STATE_", ""))
                .put("planSha256", run.getPlanSha256());
        root.putObject("seeds")
                .put("plan", plan.getSeed())
                .put("train", plan.getData().getTrain().getSeed())
                .put("test", plan.getData().getTest().getSeed());
        results(root);
        speed(root);
        provenance(root);
        try {
            return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write a report", e);
        }
    }

    private void results(ObjectNode root) {
        Optional<Double> baseline = accuracy(TrackPlanner.CROSS_ENTROPY);
        Optional<Double> own = accuracy(ownTrack());
        baseline.ifPresent(a -> root.putObject("baseline").put("accuracy", a));
        accuracy(TrackPlanner.LAST_PHASE_ONLY)
                .ifPresent(a -> root.putObject("lastPhaseOnly").put("accuracy", a));
        own.ifPresent(a -> root.putObject(ownTrack()).put("accuracy", a));
        if (baseline.isPresent() && own.isPresent()) {
            root.put("differencePoints", 100 * (own.get() - baseline.get()));
        }
        ObjectNode agreement = root.putObject("agreement");
        for (Map.Entry<String, PhaseEnded> entry : history.ended().entrySet()) {
            PhaseStarted start = history.started().get(entry.getKey());
            for (int i = 0; start != null && i < entry.getValue().getAgreementCount(); i++) {
                agreement.put(start.getTaps(i), entry.getValue().getAgreement(i));
            }
        }
        TrackEnded result = history.tracks().get(ownTrack());
        if (result != null) {
            root.put("parametersSha256", result.getParametersSha256())
                    .put("onnxBytes", result.getOnnxBytes());
            if (result.hasExportDifference()) {
                root.put("exportDifference", result.getExportDifference());
            }
        }
        root.put("parameters", parameterCount);
    }

    private void speed(ObjectNode root) {
        ObjectNode rates = root.putObject("imagesPerSecond");
        ObjectNode seconds = root.putObject("wallSeconds");
        history.ended()
                .forEach(
                        (phase, ended) -> {
                            rates.put(phase, ended.getImagesPerSecond());
                            seconds.put(phase, Durations.toNanos(ended.getDuration()) / 1e9);
                        });
        long cached = history.steps().values().stream().mapToLong(s -> s.getCachedCount()).sum();
        long computed =
                history.steps().values().stream().mapToLong(s -> s.getComputedCount()).sum();
        root.put(
                "cacheHitRatio",
                cached + computed == 0 ? 0 : (double) cached / (cached + computed));
        ledger(root.putObject("ledger"), cached, computed);
    }

    /** What was done, and what of it for nothing. */
    private void ledger(ObjectNode ledger, long cached, long computed) {
        long discarded =
                history.rosters().stream().mapToLong(RosterFormed::getDiscardedCount).sum();
        long told = history.told().get() * plan.getMicroBatches();
        long committed = (long) history.steps().size() * plan.getMicroBatches();
        ledger.put("stepsCommitted", history.steps().size())
                .put("microBatchesComputed", told + discarded)
                .put("microBatchesRecomputed", told + discarded - committed)
                .put("samplesCached", cached)
                .put("samplesComputed", computed)
                .put("epochs", history.rosters().size())
                .put(
                        "statesCopied",
                        history.rosters().stream().mapToLong(RosterFormed::getCopiedIdsCount).sum())
                .put("studentsRemoved", history.removed().get())
                .put("messagesRefused", refused.values().stream().mapToLong(Long::longValue).sum());
        ObjectNode reasons = ledger.putObject("refused");
        refused.forEach(reasons::put);
        ledger.put("events", history.events());
    }

    private void provenance(ObjectNode root) {
        root.putObject("dataset")
                .put("location", plan.getData().getLocation())
                .put("format", world.dataset().format())
                .put("sha256", world.dataset().train().sha256())
                .put("trainCount", world.facts().trainCount())
                .put("testCount", world.facts().testCount());
        if (teacher != null) {
            root.putObject("teacher")
                    .put("name", teacher.description().getModelName())
                    .put("sha256", teacher.description().getModelSha256())
                    .put("engine", teacher.description().getEngine());
        }
        ObjectNode used = root.putObject("versions");
        versions.forEach(used::put);
        root.putObject("machine")
                .put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"))
                .put("arch", System.getProperty("os.arch"))
                .put("processors", Runtime.getRuntime().availableProcessors())
                .put("java", System.getProperty("java.version"));
    }
}
