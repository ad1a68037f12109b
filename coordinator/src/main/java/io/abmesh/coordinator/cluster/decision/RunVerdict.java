package io.abmesh.coordinator.cluster.decision;

import io.abmesh.coordinator.cluster.resource.RunPhase;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a run stands: its phase and its conditions.
 *
 * @param phase one word
 * @param conditions one of each type, in the order of the types
 */
public record RunVerdict(RunPhase phase, List<RunCondition> conditions) {
    public RunVerdict {
        conditions = List.copyOf(conditions);
    }

    /** Judges what was observed. */
    public static RunVerdict of(RunFacts facts) {
        List<RunCondition> conditions = new ArrayList<>();
        conditions.add(specValid(facts));
        conditions.add(admitted(facts));
        conditions.add(workersReady(facts));
        conditions.add(training(facts));
        conditions.add(complete(facts));
        return new RunVerdict(phase(facts), conditions);
    }

    private static RunPhase phase(RunFacts facts) {
        return switch (facts.state()) {
            case SUCCEEDED -> RunPhase.SUCCEEDED;
            case FAILED -> RunPhase.FAILED;
            case CANCELLED -> RunPhase.CANCELLED;
            case ABSENT, PENDING, RUNNING -> {
                if (facts.suspended()) {
                    yield RunPhase.SUSPENDED;
                }
                if (!facts.accepted() || !facts.turn().own() || facts.turn().othersLeaving()) {
                    yield RunPhase.PENDING;
                }
                yield facts.state() == MeshState.RUNNING ? RunPhase.RUNNING : RunPhase.STARTING;
            }
        };
    }

    private static RunCondition specValid(RunFacts facts) {
        return facts.problems().isEmpty()
                ? new RunCondition(
                        ConditionType.SPEC_VALID, true, Reason.SPEC_ACCEPTED, "the spec can be run")
                : new RunCondition(
                        ConditionType.SPEC_VALID,
                        false,
                        Reason.SPEC_REJECTED,
                        String.join("\n", facts.problems())
                                + (facts.accepted() ? "\nthe last good spec stays in force" : ""));
    }

    private static RunCondition admitted(RunFacts facts) {
        ConditionType type = ConditionType.ADMITTED;
        if (facts.state().terminal()) {
            return new RunCondition(type, false, ended(facts.state()), "the run has ended");
        }
        if (!facts.accepted()) {
            return new RunCondition(type, false, Reason.SPEC_REJECTED, "no good spec yet");
        }
        if (facts.suspended()) {
            return new RunCondition(type, false, Reason.SUSPENDED, "the spec says suspend");
        }
        if (!facts.turn().own()) {
            return new RunCondition(type, false, Reason.QUEUED, queued(facts.turn().holders()));
        }
        if (facts.turn().othersLeaving()) {
            return new RunCondition(
                    type,
                    false,
                    Reason.WAITS_FOR_WORKERS_TO_LEAVE,
                    "workers of another run are still leaving");
        }
        return new RunCondition(type, true, Reason.ADMITTED, "it is this run's turn");
    }

    private static String queued(List<String> holders) {
        return switch (holders.size()) {
            case 0 -> "waits";
            case 1 -> "waits for run " + holders.get(0);
            default -> "waits for one of the runs " + String.join(", ", holders);
        };
    }

    private static RunCondition workersReady(RunFacts facts) {
        if (!facts.refusal().isEmpty()) {
            return new RunCondition(
                    ConditionType.WORKERS_READY, false, Reason.REFUSED, facts.refusal());
        }
        String message =
                "students %d of %d, teachers %d of %d"
                        .formatted(
                                facts.students().ready(),
                                facts.students().wanted(),
                                facts.teachers().ready(),
                                facts.teachers().wanted());
        if (facts.students().wanted() == 0) {
            return new RunCondition(
                    ConditionType.WORKERS_READY, false, Reason.NO_WORKERS_WANTED, message);
        }
        boolean ready = facts.students().complete() && facts.teachers().complete();
        return new RunCondition(
                ConditionType.WORKERS_READY,
                ready,
                ready ? Reason.WORKERS_READY : Reason.WORKERS_STARTING,
                message);
    }

    private static RunCondition training(RunFacts facts) {
        ConditionType type = ConditionType.TRAINING;
        return switch (facts.state()) {
            case ABSENT, PENDING ->
                    new RunCondition(type, false, Reason.NOT_STARTED, "no step was committed yet");
            case RUNNING -> {
                RunCondition admitted = admitted(facts);
                if (!admitted.holds()) {
                    yield new RunCondition(type, false, admitted.reason(), admitted.message());
                }
                yield facts.students().ready() > 0
                        ? new RunCondition(type, true, Reason.TRAINING, "steps are being committed")
                        : new RunCondition(
                                type, false, Reason.WORKERS_STARTING, "no student is ready");
            }
            case SUCCEEDED, FAILED, CANCELLED ->
                    new RunCondition(type, false, ended(facts.state()), "the run has ended");
        };
    }

    private static RunCondition complete(RunFacts facts) {
        if (!facts.state().terminal()) {
            return new RunCondition(
                    ConditionType.COMPLETE, false, Reason.UNFINISHED, "the run has not ended");
        }
        String message =
                switch (facts.state()) {
                    case SUCCEEDED -> "the result is there";
                    case FAILED -> facts.failure();
                    default -> "the run was cancelled";
                };
        return new RunCondition(ConditionType.COMPLETE, true, ended(facts.state()), message);
    }

    private static Reason ended(MeshState state) {
        return switch (state) {
            case SUCCEEDED -> Reason.SUCCEEDED;
            case FAILED -> Reason.FAILED;
            case CANCELLED -> Reason.CANCELLED;
            case ABSENT, PENDING, RUNNING ->
                    throw new IllegalArgumentException("not ended: " + state);
        };
    }
}
