package io.abmesh.student.exchange;

import io.abmesh.nn.training.ReductionTree;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.RunRoster;
import java.util.List;

/**
 * The students of a membership epoch and what each computes.
 *
 * @param runId the run
 * @param epoch membership epoch
 * @param members the leader first
 * @param ownIndex place of this student among them
 * @param microBatches micro-batches of a step
 * @param nextStep the step that all compute next
 * @param stateSha256 of the leader's state
 */
public record Roster(
        String runId,
        long epoch,
        List<RosterMember> members,
        int ownIndex,
        int microBatches,
        long nextStep,
        String stateSha256) {
    /** The elements {@code [from, to)} of a flat gradient. */
    record Slice(int from, int to) {
        int length() {
            return to - from;
        }
    }

    public Roster {
        members = List.copyOf(members);
    }

    /**
     * Reads what the coordinator says.
     *
     * @throws MeshException STREAM_PROTOCOL if the members do not share the micro-batches of a step
     *     in order, or this student is not among them
     */
    public static Roster of(RunRoster roster, long epoch, int microBatches) {
        int next = 0;
        for (RosterMember member : roster.getMembersList()) {
            if (member.getFirstMicroBatch() != next || member.getEndMicroBatch() < next) {
                throw protocol("roster leaves micro-batches out or gives them twice", roster);
            }
            next = member.getEndMicroBatch();
        }
        if (next != microBatches) {
            throw protocol("roster is not of " + microBatches + " micro-batches", roster);
        }
        if (roster.getOwnIndex() < 0 || roster.getOwnIndex() >= roster.getMembersCount()) {
            throw protocol("roster lacks its reader", roster);
        }
        return new Roster(
                roster.getRunId(),
                epoch,
                roster.getMembersList(),
                roster.getOwnIndex(),
                microBatches,
                roster.getNextStep(),
                roster.getStateSha256());
    }

    private static MeshException protocol(String message, RunRoster roster) {
        return new MeshException(
                ErrorReason.STREAM_PROTOCOL, message + ": found=" + roster.getMembersList());
    }

    /** Returns this student's entry. */
    public RosterMember own() {
        return members.get(ownIndex);
    }

    /** Returns whether this student reports, evaluates and writes checkpoints. */
    public boolean leads() {
        return ownIndex == 0;
    }

    /** Returns the order in which gradients are added. */
    public ReductionTree tree() {
        return new ReductionTree(microBatches);
    }

    /** Returns the sums that a member gives to others, in order. */
    List<ReductionTree.Subtree> sumsOf(int index) {
        RosterMember member = members.get(index);
        return tree().cover(member.getFirstMicroBatch(), member.getEndMicroBatch());
    }

    /** Returns the elements that a member owns. */
    Slice slice(int index, int gradientLength) {
        return new Slice(
                (int) ((long) index * gradientLength / members.size()),
                (int) ((index + 1L) * gradientLength / members.size()));
    }
}
