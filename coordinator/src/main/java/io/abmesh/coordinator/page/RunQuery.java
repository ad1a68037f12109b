package io.abmesh.coordinator.page;

import io.abmesh.coordinator.plan.PlanNames;
import io.abmesh.coordinator.run.RunRecord;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Run;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Which runs a browser lists. However many there are, it is given {@value #PAGE} at a time.
 *
 * @param find lower-case text in their names or ids; empty: any
 * @param state name of their state; empty: any
 * @param from how many of them, newest first, are left out
 */
record RunQuery(String find, String state, int from) {
    /** Runs of an answer at most: {@value}. */
    static final int PAGE = 100;

    /**
     * What is found.
     *
     * @param all number of all runs
     * @param found number of those that were asked for
     * @param page some of them, newest first
     */
    record Answer(int all, int found, List<RunRecord> page) {
        Answer {
            page = List.copyOf(page);
        }
    }

    /**
     * Reads parameters, each of which may be absent.
     *
     * @throws MeshException INVALID_REQUEST if {@code from} is no number from 0 to {@link
     *     Integer#MAX_VALUE}
     */
    static RunQuery of(@Nullable String find, @Nullable String state, @Nullable String from) {
        return new RunQuery(
                find == null ? "" : find.strip().toLowerCase(Locale.ROOT),
                state == null ? "" : state,
                from == null || from.isEmpty() ? 0 : number(from));
    }

    private static int number(String from) {
        int number;
        try {
            number = Integer.parseInt(from);
        } catch (NumberFormatException e) {
            throw noPlace(from);
        }
        if (number < 0) {
            throw noPlace(from);
        }
        return number;
    }

    private static MeshException noPlace(String from) {
        return new MeshException(
                ErrorReason.INVALID_REQUEST,
                "from: found=" + from + ", expected=0 to " + Integer.MAX_VALUE);
    }

    /** Returns what is found among runs. */
    Answer answer(List<RunRecord> runs) {
        List<RunRecord> found =
                runs.stream()
                        .filter(record -> fits(record.snapshot()))
                        .sorted(
                                Comparator.comparing(
                                                (RunRecord record) -> record.folder().submitTime())
                                        .reversed())
                        .toList();
        int begin = Math.min(from, found.size());
        return new Answer(
                runs.size(),
                found.size(),
                found.subList(begin, Math.min(begin + PAGE, found.size())));
    }

    private boolean fits(Run run) {
        boolean inState =
                state.isEmpty()
                        || PlanNames.yamlName(run.getState().getValueDescriptor()).equals(state);
        return inState
                && (run.getPlanName().toLowerCase(Locale.ROOT).contains(find)
                        || run.getRunId().contains(find));
    }
}
