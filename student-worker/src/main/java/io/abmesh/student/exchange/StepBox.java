package io.abmesh.student.exchange;

import io.abmesh.nn.training.ReductionTree.Subtree;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.GradientFrame;
import io.abmesh.proto.v1.MicroBatchReport;
import io.abmesh.proto.v1.RosterMember;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What came of one step: the others' sums of the own slice, everybody's totals, everybody's
 * reports. Its memory, {@code sums * slice + gradient} floats, serves one step after the other. Not
 * thread-safe.
 */
final class StepBox {
    /** No step. */
    static final long NONE = -1;

    private final Roster roster;
    private final int gradientLength;
    private final int statisticsLength;
    private final Roster.Slice ownSlice;
    private final List<List<Subtree>> expected = new ArrayList<>();
    private final Map<Subtree, float[]> sums = new HashMap<>();
    private final int[] sumsThere;
    private final int[] elementsThere;
    private final int[] totalThere;
    private final @Nullable MeasuredMicroBatch[] reports;
    private final float[] total;
    private long step = NONE;

    StepBox(Roster roster, int gradientLength, int statisticsLength) {
        this.roster = roster;
        this.gradientLength = gradientLength;
        this.statisticsLength = statisticsLength;
        this.ownSlice = roster.slice(roster.ownIndex(), gradientLength);
        int size = roster.members().size();
        for (int member = 0; member < size; member++) {
            List<Subtree> gives =
                    member == roster.ownIndex() ? List.<Subtree>of() : roster.sumsOf(member);
            expected.add(gives);
            gives.forEach(part -> sums.put(part, new float[ownSlice.length()]));
        }
        this.sumsThere = new int[size];
        this.elementsThere = new int[size];
        this.totalThere = new int[size];
        this.reports = new MeasuredMicroBatch[roster.microBatches()];
        this.total = new float[gradientLength];
    }

    /** Forgets everything and waits for a step. */
    void reset(long next) {
        step = next;
        Arrays.fill(sumsThere, 0);
        Arrays.fill(elementsThere, 0);
        Arrays.fill(totalThere, 0);
        Arrays.fill(reports, null);
    }

    long step() {
        return step;
    }

    /**
     * Takes a piece of a sum or of a total.
     *
     * @throws MeshException FRAME_OUT_OF_ORDER if it is not the next of its sender;
     *     TENSOR_SIZE_MISMATCH if it is longer than what is left
     */
    void add(int from, GradientFrame frame) {
        Subtree part = part(frame);
        if (frame.getTotal()) {
            Roster.Slice slice = roster.slice(from, gradientLength);
            requirePlace(from, frame, part, roster.tree().root(), slice, totalThere[from]);
            ExchangeFrames.read(frame.getPayload(), total, slice.from() + totalThere[from]);
            totalThere[from] += elements(frame);
            return;
        }
        List<Subtree> gives = expected.get(from);
        if (sumsThere[from] >= gives.size()) {
            throw outOfOrder(from, frame, "no more sums");
        }
        Subtree next = gives.get(sumsThere[from]);
        requirePlace(from, frame, part, next, ownSlice, elementsThere[from]);
        ExchangeFrames.read(
                frame.getPayload(), Objects.requireNonNull(sums.get(next)), elementsThere[from]);
        elementsThere[from] += elements(frame);
        if (elementsThere[from] == ownSlice.length()) {
            sumsThere[from]++;
            elementsThere[from] = 0;
        }
    }

    /**
     * Takes what a micro-batch of a peer measured.
     *
     * @throws MeshException FRAME_OUT_OF_ORDER if it is not the sender's or came before;
     *     CHECKSUM_MISMATCH; TENSOR_SIZE_MISMATCH
     */
    void add(int from, MicroBatchReport report) {
        int index = report.getMicroBatch();
        boolean senders =
                index >= roster.members().get(from).getFirstMicroBatch()
                        && index < roster.members().get(from).getEndMicroBatch();
        if (!senders || reports[index] != null) {
            throw new MeshException(
                    ErrorReason.FRAME_OUT_OF_ORDER,
                    "report is of another student or repeated: from="
                            + from
                            + ", step="
                            + report.getStep()
                            + ", micro-batch="
                            + index);
        }
        reports[index] = ExchangeFrames.measured(report, statisticsLength);
    }

    /** Takes what an own micro-batch measured. */
    void add(MeasuredMicroBatch own) {
        reports[own.index()] = own;
    }

    /** Returns a sum of a peer, of the own slice; null if nobody else gives it. */
    float @Nullable [] sum(Subtree part) {
        return sums.get(part);
    }

    /** Takes the own slice's total. */
    void addTotal(float[] slice) {
        System.arraycopy(slice, 0, total, ownSlice.from(), slice.length);
        totalThere[roster.ownIndex()] = slice.length;
    }

    /** Returns the whole total; borrowed until the box waits for another step. */
    float[] total() {
        return total;
    }

    boolean sumsComplete() {
        for (int member = 0; member < sumsThere.length; member++) {
            if (sumsThere[member] < expected.get(member).size() && ownSlice.length() > 0) {
                return false;
            }
        }
        return true;
    }

    boolean complete() {
        for (int member = 0; member < totalThere.length; member++) {
            if (misses(member)) {
                return false;
            }
        }
        return true;
    }

    /** Returns whether something of a member is still to come. */
    boolean misses(int member) {
        if (totalThere[member] < roster.slice(member, gradientLength).length()) {
            return true;
        }
        RosterMember of = roster.members().get(member);
        for (int i = of.getFirstMicroBatch(); i < of.getEndMicroBatch(); i++) {
            if (reports[i] == null) {
                return true;
            }
        }
        return false;
    }

    /** Returns the reports of a step that is complete. */
    List<MeasuredMicroBatch> reports() {
        List<MeasuredMicroBatch> all = new ArrayList<>();
        for (MeasuredMicroBatch report : reports) {
            all.add(Objects.requireNonNull(report));
        }
        return all;
    }

    private static void requirePlace(
            int from,
            GradientFrame frame,
            Subtree found,
            Subtree expected,
            Roster.Slice slice,
            int there) {
        if (!found.equals(expected) || frame.getStartElement() != slice.from() + there) {
            throw outOfOrder(from, frame, expected + " from element " + (slice.from() + there));
        }
        int size = frame.getPayload().size();
        boolean whole = size > 0 && size % Float.BYTES == 0;
        if (!whole
                || elements(frame)
                        > Math.min(slice.length() - there, ExchangeFrames.MAX_ELEMENTS)) {
            throw new MeshException(
                    ErrorReason.TENSOR_SIZE_MISMATCH,
                    "piece of a sum has a wrong size: from="
                            + from
                            + ", found="
                            + size
                            + " bytes, elements left="
                            + (slice.length() - there));
        }
    }

    private static int elements(GradientFrame frame) {
        return frame.getPayload().size() / Float.BYTES;
    }

    private static Subtree part(GradientFrame frame) {
        if (frame.getFirstMicroBatch() < 0
                || frame.getEndMicroBatch() <= frame.getFirstMicroBatch()) {
            throw new MeshException(
                    ErrorReason.FRAME_OUT_OF_ORDER,
                    "sum is of no micro-batch: found=["
                            + frame.getFirstMicroBatch()
                            + ", "
                            + frame.getEndMicroBatch()
                            + ")");
        }
        return new Subtree(frame.getFirstMicroBatch(), frame.getEndMicroBatch());
    }

    private static MeshException outOfOrder(int from, GradientFrame frame, String expected) {
        return new MeshException(
                ErrorReason.FRAME_OUT_OF_ORDER,
                "piece of a sum is missing, repeated or misplaced: from="
                        + from
                        + ", step="
                        + frame.getStep()
                        + ", found=["
                        + frame.getFirstMicroBatch()
                        + ", "
                        + frame.getEndMicroBatch()
                        + ") from element "
                        + frame.getStartElement()
                        + ", expected="
                        + expected);
    }
}
