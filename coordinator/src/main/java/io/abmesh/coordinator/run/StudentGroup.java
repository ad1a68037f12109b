package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.StudentPosition;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The students of a run: who is there, where each stands and, once all have told, what each
 * computes. Who does not tell in time is set aside until it does, so that nobody waits for it. On
 * the coordinator's loop.
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

    /** Since when a member owes an answer. */
    private final Map<StudentSession, Instant> asked = new HashMap<>();

    /** Those that were set aside and are still connected. */
    private final Set<StudentSession> aside = new HashSet<>();

    /** Names of those that were set aside, which they keep when they connect again. */
    private final Set<String> asideNames = new HashSet<>();

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

    /** Returns false if it was no member. */
    boolean leave(StudentSession student) {
        asked.remove(student);
        aside.remove(student);
        return members.remove(student);
    }

    boolean has(StudentSession student) {
        return members.contains(student);
    }

    List<StudentSession> members() {
        return List.copyOf(members);
    }

    /** Forgets who stands where. Who owes an answer already owes it since it was asked first. */
    void ask(Instant now) {
        positions.clear();
        roster = List.of();
        members.forEach(student -> asked.putIfAbsent(student, now));
    }

    /** Takes a position; returns false if the student has told one already. */
    boolean answered(StudentSession student, StudentPosition position) {
        asked.remove(student);
        return positions.putIfAbsent(student, position) == null;
    }

    /** Takes note of an answer to an older question: who gives it lives, and will give the next. */
    void answeredLate(StudentSession student, Instant now) {
        asked.replace(student, now);
    }

    /** Sets aside who has owed an answer for longer than {@code patience}; returns them. */
    List<StudentSession> setAside(Instant now, Duration patience) {
        List<StudentSession> late =
                members.stream()
                        .filter(
                                student -> {
                                    Instant since = asked.get(student);
                                    return since != null && now.isAfter(since.plus(patience));
                                })
                        .toList();
        late.forEach(this::setAside);
        return late;
    }

    /** Sets a member aside. */
    void setAside(StudentSession student) {
        leave(student);
        putAside(student);
    }

    /** Sets a student aside that connected again, if it was; returns whether it was. */
    boolean staysAside(StudentSession student) {
        boolean stays = asideNames.contains(student.join().getWorkerId());
        if (stays) {
            putAside(student);
        }
        return stays;
    }

    private void putAside(StudentSession student) {
        aside.add(student);
        asideNames.add(student.join().getWorkerId());
    }

    /** Lets a student that was set aside be a member again; returns whether it was set aside. */
    boolean takeBack(StudentSession student) {
        boolean back = aside.remove(student);
        if (back) {
            asideNames.remove(student.join().getWorkerId());
        }
        return back;
    }

    /** Returns the members and whoever is set aside. */
    List<StudentSession> connected() {
        List<StudentSession> all = new ArrayList<>(members);
        all.addAll(aside);
        return all;
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

    /** Returns what a student computes; nothing until all have answered. */
    Share share(StudentSession student) {
        return roster.stream()
                .filter(place -> place.student().equals(student))
                .findFirst()
                .map(Place::share)
                .orElse(new Share(0, 0));
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
