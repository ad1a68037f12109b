package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.TeacherLink;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.plan.PhaseReads;
import io.abmesh.proto.transport.Limits;
import io.abmesh.proto.v1.BatchFailed;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.StreamOpened;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.TapRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Has micro-batches computed by teachers, whichever has most credit, and computed again when a
 * teacher is lost or its credit is needed for an earlier step. Opens one stream per teacher and
 * kind of need, since a phase asks for no more than it reads. On the coordinator's loop.
 */
final class TeacherFeed implements TeacherLink.Listener {
    /** What becomes of a micro-batch. */
    interface Listener extends Notices {
        /** It can be fetched at a teacher's address. */
        void ready(MicroKey key, String batchId, TeacherMember teacher, BatchReady ready);

        /** It was lost with its teacher and is being computed again. */
        void lost(MicroKey key);

        /** There is credit again. */
        void credited();

        /** It cannot be computed, or the teacher refuses to serve the run. */
        void failed(MeshException cause);
    }

    /** A micro-batch of a step. */
    record MicroKey(long step, int micro) {}

    /** What a phase reads of a teacher. */
    record Need(List<Encoding> taps, boolean logits) {}

    private record Offered(
            MicroKey key,
            Need need,
            int samples,
            boolean firings,
            FedStep step,
            Supplier<MicroBatch> render) {}

    private record Held(TeacherLink link, String batchId, Offered offered) {}

    /** That of the script. */
    private static final Comparator<Offered> ORDER =
            Comparator.<Offered>comparingLong(offered -> offered.key().step())
                    .thenComparingInt(offered -> offered.key().micro());

    private final OpenedRun run;
    private final RunWorld.Teacher teacher;
    private final RunExecution.Surroundings around;
    private final Listener listener;
    private final long epoch;
    private final List<TeacherMember> members = new ArrayList<>();
    private final Map<TeacherLink, TeacherServing<Offered>> links = new LinkedHashMap<>();
    private final NavigableSet<Offered> waiting = new TreeSet<>(ORDER);

    /** Names of the teachers that have failed on a micro-batch, one entry per failure. */
    private final Map<MicroKey, List<String>> failures = new HashMap<>();

    /** Teachers of whom it was told that they open no stream. */
    private final Set<TeacherMember> unopened = new HashSet<>();

    /** Since when a step takes more than its teachers hold at a time; null: it does not. */
    private @Nullable Instant exceedsSince;

    private boolean toldOfCredit;

    /** Times that a micro-batch may fail before its run does. */
    private static final int MOST_FAILURES = 3;

    /** Samples of a micro-batch that a failure names. */
    private static final int MOST_NAMED = 8;

    private long attempts;
    private boolean closed;

    /** Pause before a stream to the same teacher is opened again. */
    private static final Duration REOPEN = Duration.ofSeconds(1);

    /**
     * Has no teacher yet.
     *
     * @param teacher of the run
     * @param epoch membership epoch that batches are of
     */
    TeacherFeed(
            OpenedRun run,
            RunWorld.Teacher teacher,
            RunExecution.Surroundings around,
            Listener listener,
            long epoch) {
        this.run = run;
        this.teacher = teacher;
        this.around = around;
        this.listener = listener;
        this.epoch = epoch;
    }

    void join(TeacherMember member) {
        if (!member.modelSha256().equals(teacher.description().getModelSha256())) {
            listener.notice(
                    ErrorReason.TEACHER_MODEL_MISMATCH.name(),
                    "teacher "
                            + member.workerId()
                            + " has another model and is not used: found="
                            + member.modelSha256());
            return;
        }
        members.add(member);
        waiting.stream().map(Offered::need).distinct().toList().forEach(need -> open(member, need));
    }

    void leave(TeacherMember member) {
        if (members.remove(member)) {
            links.keySet().stream()
                    .filter(link -> link.member().equals(member))
                    .toList()
                    .forEach(link -> drop(link, "left"));
        }
    }

    /**
     * Has a micro-batch computed.
     *
     * @param firings whether the teacher shall say how its taps fire
     * @param step that it is part of
     */
    void offer(
            MicroKey key,
            PhasePlan phase,
            int samples,
            boolean firings,
            FedStep step,
            Supplier<MicroBatch> render) {
        Need need = need(phase);
        waiting.add(new Offered(key, need, samples, firings, step, render));
        for (TeacherMember member : members) {
            open(member, need);
        }
        pump();
    }

    private Need need(PhasePlan phase) {
        PhaseReads reads =
                PhaseReads.of(
                        phase,
                        run.plan().getTeacher().getPrecision(),
                        teacher.match().teacherTaps().size());
        return new Need(reads.taps(), reads.logits());
    }

    /** Returns the micro-batches that wait for credit. */
    int waiting() {
        return waiting.size();
    }

    /**
     * What a teacher has to do.
     *
     * @param creditBytes that it gave
     * @param usedBytes of them that micro-batches hold
     * @param heldCount those micro-batches
     */
    record Queue(long creditBytes, long usedBytes, int heldCount) {
        /** Of a teacher that does nothing for the run. */
        static final Queue NONE = new Queue(0, 0, 0);
    }

    /** Returns what a teacher has to do for the run; nothing of one that does not serve it. */
    Queue queue(TeacherMember member) {
        long credit = 0;
        long used = 0;
        int count = 0;
        for (Map.Entry<TeacherLink, TeacherServing<Offered>> entry : links.entrySet()) {
            TeacherLink link = entry.getKey();
            TeacherServing<Offered> serving = entry.getValue();
            if (link.member().equals(member)) {
                credit += link.creditAtStart();
                used += link.creditAtStart() - link.credit();
                count += serving.held().size();
            }
        }
        return new Queue(credit, used, count);
    }

    /** Lets a computed micro-batch go. */
    void release(MicroKey key) {
        links.keySet().stream()
                .flatMap(this::held)
                .filter(held -> held.offered().key().equals(key))
                .toList()
                .forEach(this::letGo);
        waiting.removeIf(offered -> offered.key().equals(key));
    }

    /** Looks at the time: a teacher that answers nothing, though it lives, is not waited for. */
    void beat() {
        Instant now = now();
        Duration most = around.progressDeadline();
        for (Map.Entry<TeacherLink, TeacherServing<Offered>> entry :
                List.copyOf(links.entrySet())) {
            if (entry.getValue().silent(now).compareTo(most) > 0) {
                String worker = entry.getKey().member().workerId();
                String why = "owes " + entry.getValue().owed() + ", waited=" + most;
                listener.notice("TEACHER_HANGS", "teacher " + worker + " answers nothing: " + why);
                drop(entry.getKey(), why);
            }
        }
        if (!exceedsCredit()) {
            exceedsSince = null;
        } else if (exceedsSince == null) {
            exceedsSince = now;
        } else if (!toldOfCredit && Duration.between(exceedsSince, now).compareTo(most) > 0) {
            toldOfCredit = true;
            listener.notice("STEP_EXCEEDS_CREDIT", creditOf(waiting.first()));
        }
    }

    /**
     * Whether what is wanted first waits for credit that only its own step holds, which is not
     * committed without it: only another teacher helps.
     */
    private boolean exceedsCredit() {
        if (waiting.isEmpty()) {
            return false;
        }
        Offered first = waiting.first();
        List<TeacherLink> able = usable(first).toList();
        return !able.isEmpty()
                && able.stream().noneMatch(link -> hasRoomSoon(link, first))
                && able.stream()
                        .flatMap(this::held)
                        .allMatch(held -> held.offered().key().step() == first.key().step());
    }

    private String creditOf(Offered first) {
        List<TeacherLink> able = usable(first).toList();
        return "step "
                + first.key().step()
                + " takes more than its teachers hold at a time: micro-batch="
                + able.get(0).cost(first.samples())
                + " bytes, streamed="
                + able.stream().flatMap(this::held).count()
                + " of its micro-batches, credit="
                + able.stream().mapToLong(TeacherLink::creditAtStart).sum()
                + " bytes, teachers="
                + able.size()
                + "; it waits for another one: start it, use a smaller batch or raise"
                + " abmesh.teacher.held-memory";
    }

    void close() {
        closed = true;
        links.keySet().forEach(TeacherLink::close);
        links.clear();
        waiting.clear();
    }

    private void open(TeacherMember member, Need need) {
        boolean known =
                links.entrySet().stream()
                        .anyMatch(
                                e ->
                                        e.getKey().member().equals(member)
                                                && e.getValue().need().equals(need));
        if (known) {
            return;
        }
        StreamOpen.Builder open = run.stream(teacher, epoch).setLogits(need.logits());
        List<TapDescription> taps = teacher.match().teacherTaps();
        for (int i = 0; i < taps.size(); i++) {
            if (need.taps().get(i) != Encoding.ENCODING_UNSPECIFIED) {
                open.addTaps(
                        TapRequest.newBuilder()
                                .setName(taps.get(i).getName())
                                .setSource(taps.get(i).getName())
                                .setEncoding(need.taps().get(i)));
            }
        }
        closeIdle(member);
        TeacherLink link =
                TeacherLink.open(
                        member,
                        open.build(),
                        around.loop().of(member.workerId()),
                        this,
                        around.batches().memory(),
                        around.security(),
                        around.stallTimeout());
        links.put(link, new TeacherServing<>(need, now()));
    }

    /** A teacher serves few streams at a time: those of phases that are over make room. */
    private void closeIdle(TeacherMember member) {
        links.entrySet()
                .removeIf(
                        entry -> {
                            TeacherLink link = entry.getKey();
                            boolean idle =
                                    link.member().equals(member)
                                            && entry.getValue().held().isEmpty()
                                            && !wanted(entry.getValue().need());
                            if (idle) {
                                link.close();
                            }
                            return idle;
                        });
    }

    private boolean wanted(Need need) {
        return waiting.stream().anyMatch(offered -> offered.need().equals(need));
    }

    private void pump() {
        waiting.removeIf(this::give);
        if (!waiting.isEmpty()) {
            makeRoom(waiting.first());
        }
    }

    /** Gives a micro-batch to the teacher with most credit; returns whether one has enough. */
    private boolean give(Offered offered) {
        TeacherLink best =
                usable(offered)
                        .filter(link -> link.credit() >= link.cost(offered.samples()))
                        .filter(link -> serving(link).held().size() < Limits.MAX_BATCHES_PER_STREAM)
                        .reduce((one, other) -> other.credit() > one.credit() ? other : one)
                        .orElse(null);
        if (best == null) {
            return false;
        }
        String batchId =
                run.runId()
                        + "/"
                        + epoch
                        + "/"
                        + offered.key().step()
                        + "/"
                        + offered.key().micro()
                        + "/"
                        + attempts++;
        serving(best).give(batchId, offered, now());
        best.offer(
                batchId,
                run.world().dataset().train().sha256(),
                offered.samples(),
                run.world().bytes(offered.samples()),
                offered.firings(),
                offered.key().step(),
                offered.step().traceParent(),
                offered.render());
        return true;
    }

    /** Returns the streams that can compute a micro-batch, now or when they have credit again. */
    private Stream<TeacherLink> usable(Offered offered) {
        return links.entrySet().stream()
                .filter(entry -> entry.getValue().need().equals(offered.need()))
                .map(Map.Entry::getKey)
                .filter(link -> link.cost(offered.samples()) > 0)
                .filter(link -> link.creditAtStart() >= link.cost(offered.samples()))
                .filter(link -> !avoided(link, offered));
    }

    /**
     * Credit comes back when a step is committed, and steps are committed in order. Where later
     * steps hold all of it, as they may once a teacher is lost or has failed, nothing would ever
     * come back: then the newest of their micro-batches is taken back, and computed again when
     * there is credit. Never one that the students were told of.
     */
    private void makeRoom(Offered first) {
        if (usable(first).anyMatch(link -> hasRoomSoon(link, first))) {
            return;
        }
        usable(first)
                .flatMap(this::held)
                .filter(held -> held.offered().key().step() > first.key().step())
                .filter(held -> !held.offered().step().assigned())
                .max(Comparator.comparing(Held::offered, ORDER))
                .ifPresent(this::takeBack);
    }

    /** Whether credit for a micro-batch is on its way back, or comes with an earlier step. */
    private boolean hasRoomSoon(TeacherLink link, Offered first) {
        long held = held(link).mapToLong(each -> link.cost(each.offered().samples())).sum();
        return link.creditAtStart() - held >= link.cost(first.samples())
                || held(link).anyMatch(each -> each.offered().key().step() < first.key().step());
    }

    private Stream<Held> held(TeacherLink link) {
        return serving(link).held().entrySet().stream()
                .map(entry -> new Held(link, entry.getKey(), entry.getValue()));
    }

    private void takeBack(Held held) {
        letGo(held);
        held.offered().step().lost(held.offered().key().micro());
        waiting.add(held.offered());
    }

    private void letGo(Held held) {
        serving(held.link()).take(held.batchId());
        held.link().release(held.batchId());
    }

    /** A micro-batch that a teacher has failed on goes to another, as long as there is one. */
    private boolean avoided(TeacherLink link, Offered offered) {
        List<String> failed = failures.getOrDefault(offered.key(), List.of());
        return failed.contains(link.member().workerId())
                && members.stream().anyMatch(member -> !failed.contains(member.workerId()));
    }

    @Override
    public void opened(TeacherLink link, StreamOpened opened) {
        serving(link).opened(now());
        unopened.remove(link.member());
        for (Offered offered : waiting) {
            if (link.cost(offered.samples()) > opened.getCreditBytes()) {
                listener.failed(
                        new MeshException(
                                ErrorReason.CREDIT_EXCEEDED,
                                "a micro-batch is larger than a teacher's memory: found="
                                        + link.cost(offered.samples())
                                        + " bytes, credit="
                                        + opened.getCreditBytes()
                                        + "; use a smaller batch or raise abmesh.teacher.held-memory"));
                return;
            }
        }
        credited(link);
    }

    @Override
    public void credited(TeacherLink link) {
        pump();
        listener.credited();
    }

    @Override
    public void ready(TeacherLink link, BatchReady ready) {
        serving(link)
                .answered(ready.getBatchId(), now())
                .ifPresent(
                        offered ->
                                listener.ready(
                                        offered.key(), ready.getBatchId(), link.member(), ready));
    }

    @Override
    public void failed(TeacherLink link, BatchFailed failed) {
        TeacherServing<Offered> serving = serving(link);
        Offered offered = serving.answered(failed.getBatchId(), now()).orElse(null);
        if (offered == null) {
            return;
        }
        serving.take(failed.getBatchId());
        MeshException cause = ErrorStatuses.fromStatus(failed.getStatus());
        if (cause.reason() != ErrorReason.TEACHER_FAILED) {
            listener.failed(cause);
            return;
        }
        List<String> failedOn = failures.computeIfAbsent(offered.key(), key -> new ArrayList<>());
        failedOn.add(link.member().workerId());
        if (failedOn.size() < MOST_FAILURES) {
            listener.notice(
                    "BATCH_FAILED", "a micro-batch is computed again: " + cause.getMessage());
            waiting.add(offered);
            pump();
        } else {
            listener.failed(poisoned(offered, failedOn, cause));
        }
    }

    private static MeshException poisoned(
            Offered offered, List<String> failedOn, MeshException cause) {
        String samples = few(offered.render().get().sampleIds());
        return new MeshException(
                ErrorReason.BATCH_FAILED,
                "a micro-batch fails wherever it is computed: step="
                        + offered.key().step()
                        + ", micro-batch="
                        + offered.key().micro()
                        + ", teachers="
                        + failedOn
                        + ", samples="
                        + samples
                        + ", last="
                        + cause.getMessage(),
                Map.of(
                        "step",
                        Long.toString(offered.key().step()),
                        "samples",
                        samples,
                        "teachers",
                        failedOn.toString()));
    }

    private static String few(List<Long> samples) {
        int more = samples.size() - MOST_NAMED;
        return more <= 0
                ? samples.toString()
                : samples.subList(0, MOST_NAMED) + " and " + more + " more";
    }

    @Override
    public void lost(TeacherLink link, MeshException cause) {
        boolean refused =
                switch (cause.reason()) {
                    case TAP_NOT_FOUND,
                            TEACHER_MODEL_MISMATCH,
                            MODEL_UNREADABLE,
                            TENSOR_SIZE_MISMATCH,
                            INVALID_REQUEST,
                            STREAM_PROTOCOL,
                            CREDIT_EXCEEDED ->
                            true;
                    default -> false;
                };
        if (refused) {
            links.remove(link);
            listener.failed(cause);
            return;
        }
        if (link.creditAtStart() == 0 && unopened.add(link.member())) {
            listener.notice(
                    "STREAM_NOT_OPENED",
                    "teacher "
                            + link.member().workerId()
                            + " opens no stream, which is tried again: reason="
                            + cause.reason()
                            + ", "
                            + cause.getMessage());
        }
        drop(link, cause.getMessage());
    }

    /** Forgets a stream; what it held goes to others, or waits. */
    private void drop(TeacherLink link, String why) {
        TeacherServing<Offered> serving = links.remove(link);
        link.close();
        if (serving == null) {
            return;
        }
        Collection<Offered> gone = serving.held().values();
        if (!gone.isEmpty()) {
            listener.notice(
                    "TEACHER_LOST",
                    "teacher "
                            + link.member().workerId()
                            + " is lost ("
                            + why
                            + "), its "
                            + gone.size()
                            + " micro-batches are streamed again");
        }
        gone.forEach(offered -> listener.lost(offered.key()));
        waiting.addAll(gone);
        pump();
        around.loop().after(REOPEN, () -> reopen(link.member(), serving.need()));
    }

    /** A stream can break while its teacher stays; whoever waits for it is served again. */
    private void reopen(TeacherMember member, Need need) {
        if (!closed && members.contains(member) && wanted(need)) {
            open(member, need);
        }
    }

    /** What links tell is told of those that are there. */
    private TeacherServing<Offered> serving(TeacherLink link) {
        return Objects.requireNonNull(links.get(link));
    }

    private Instant now() {
        return around.elapsed().instant();
    }
}
