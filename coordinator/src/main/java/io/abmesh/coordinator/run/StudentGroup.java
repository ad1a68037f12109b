package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.StudentPosition;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The students of a run: who is there, where each stands and, once all have told, what each
 * computes. On the coordinator's loop.
 */
final class StudentGroup {
    /** Neighbouring micro-batches {@code [first, end)}, maybe none. */
    record Share(int first, int end) {
        boolean has(int microBatch) {
            return microBatch >= first && microBatch < end;
        }
    }

    /** A student and what it computes. */
    record Place(StudentSession student, Share share) {}

    /** In the order in which they came. */
    private final List<StudentSession> members = new ArrayList<>();

    private final Map<StudentSession, StudentPosition> positions = new HashMap<>();
    private List<Place> roster = List.of();

    /**
     * Cuts micro-batches into a share of neighbours per student, of sizes that differ by one at
     * most; of more students than micro-batches, some get none.
     */
    static List<Share> shares(int students, int microBatches) {
        List<Share> shares = new ArrayList<>();
        for (int i = 0; i < students; i++) {
            shares.add(
                    new Share(
                            (int) ((long) i * microBatches / students),
                            (int) ((i + 1L) * microBatches / students)));
        }
        return shares;
    }

    boolean join(StudentSession student) {
        return !members.contains(student) && members.add(student);
    }

    boolean leave(StudentSession student) {
        return members.remove(student);
    }

    boolean has(StudentSession student) {
        return members.contains(student);
    }

    List<StudentSession> members() {
        return List.copyOf(members);
    }

    /** Forgets who stands where. */
    void ask() {
        positions.clear();
        roster = List.of();
    }

    /** Takes a position; returns false if the student has told one already. */
    boolean answered(StudentSession student, StudentPosition position) {
        return positions.putIfAbsent(student, position) == null;
    }

    boolean allAnswered() {
        return !members.isEmpty() && positions.keySet().containsAll(members);
    }

    /**
     * Puts the furthest first, of equal ones who came first, and gives each its share.
     *
     * @return the first one's position
     */
    StudentPosition form(int microBatches) {
        List<StudentSession> order = new ArrayList<>(members);
        StudentSession leader =
                order.stream()
                        .reduce(
                                (a, b) ->
                                        position(b).getNextStep() > position(a).getNextStep()
                                                ? b
                                                : a)
                        .orElseThrow();
        order.remove(leader);
        order.add(0, leader);
        List<Share> shares = shares(order.size(), microBatches);
        List<Place> places = new ArrayList<>();
        for (int i = 0; i < order.size(); i++) {
            places.add(new Place(order.get(i), shares.get(i)));
        }
        roster = List.copyOf(places);
        return position(leader);
    }

    /** Returns the students that compute, the leader first; none until all have answered. */
    List<Place> roster() {
        return roster;
    }

    boolean leads(StudentSession student) {
        return leader().filter(student::equals).isPresent();
    }

    /** Returns the one that reports, evaluates and writes checkpoints. */
    Optional<StudentSession> leader() {
        return roster.stream().findFirst().map(Place::student);
    }

    /** Returns the names of those whose state is not the leader's. */
    List<String> behind() {
        String state = position(roster.get(0).student()).getStateSha256();
        return roster.stream()
                .filter(place -> !position(place.student()).getStateSha256().equals(state))
                .map(place -> place.student().join().getWorkerId())
                .toList();
    }

    /** Returns the micro-batches computed in vain before this epoch. */
    long discarded() {
        return positions.values().stream().mapToLong(StudentPosition::getDiscardedCount).sum();
    }

    /** Returns what a student is told of the others. */
    RunRoster message(int index) {
        StudentPosition leader = position(roster.get(0).student());
        RunRoster.Builder message =
                RunRoster.newBuilder()
                        .setRunId(leader.getRunId())
                        .setOwnIndex(index)
                        .setNextStep(leader.getNextStep())
                        .setStateSha256(leader.getStateSha256());
        for (Place place : roster) {
            message.addMembers(
                    RosterMember.newBuilder()
                            .setWorkerId(place.student().join().getWorkerId())
                            .setAddress(place.student().join().getAddress())
                            .setFirstMicroBatch(place.share().first())
                            .setEndMicroBatch(place.share().end()));
        }
        return message.build();
    }

    /** Returns the assignments that every student takes unanswered. */
    int prefetch() {
        return members.stream().mapToInt(s -> s.join().getPrefetch()).min().orElse(1);
    }

    private StudentPosition position(StudentSession student) {
        return Objects.requireNonNull(positions.get(student), "no position yet");
    }
}
