package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.PlanAgainstWorld;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.data.image.DatasetException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Plan;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Opens what a run needs before it can be executed: its images and, if its plan has a teacher, the
 * description of one that is there. Asks again for what may come later. Owns the images.
 *
 * <p>State is owned by the coordinator's loop; what reads files or calls a teacher is done beside
 * it and comes back as a task.
 */
final class RunOpening implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(RunOpening.class);

    /** Pause before the next is asked after a teacher that did not describe itself. */
    private static final Duration DESCRIBE_AGAIN = Duration.ofSeconds(1);

    /** Pause before an object store that was away is asked again for a run's images. */
    private static final Duration OPEN_AGAIN = Duration.ofSeconds(10);

    /** What becomes of it; told on the loop. */
    interface Listener {
        /**
         * All is there; told once.
         *
         * @param world borrowed until this is closed
         * @param teacher absent if the plan has none
         */
        void opened(RunWorld world, RunWorld.@Nullable Teacher teacher);

        /** The object store is away, and is asked again and again; told once. */
        void waits(MeshException cause);

        /** It cannot be opened. */
        void failed(MeshException cause);
    }

    private final RunRecord record;
    private final Plan plan;
    private final Loop loop;
    private final Executor beside;
    private final Supplier<RunWorld> images;
    private final Supplier<List<TeacherMember>> teachers;
    private final BiFunction<TeacherMember, List<Long>, DescribeTeacherResponse> describer;
    private final Listener listener;
    private @Nullable RunWorld world;
    private RunWorld.@Nullable Teacher teacher;
    private boolean describing;
    private int refusals;
    private boolean waits;
    private boolean opened;
    private boolean closed;

    /**
     * Has nothing yet.
     *
     * @param plan with paths resolved
     * @param loop of the run; borrowed
     * @param beside runs what blocks; borrowed
     * @param images opens them; may block
     * @param teachers tells who of the run's teachers may be asked now; called on the loop
     * @param describer asks one, for images of a shape {@code [C, H, W]}; may block
     */
    RunOpening(
            RunRecord record,
            Plan plan,
            Loop loop,
            Executor beside,
            Supplier<RunWorld> images,
            Supplier<List<TeacherMember>> teachers,
            BiFunction<TeacherMember, List<Long>, DescribeTeacherResponse> describer,
            Listener listener) {
        this.record = record;
        this.plan = plan;
        this.loop = loop;
        this.beside = beside;
        this.images = images;
        this.teachers = teachers;
        this.describer = describer;
        this.listener = listener;
    }

    /** Begins with the images. */
    void begin() {
        beside.execute(
                () -> {
                    try {
                        RunWorld found = images.get();
                        loop.execute(() -> imagesOpened(found));
                    } catch (DatasetException e) {
                        loop.execute(() -> notOpened(Datasets.unreadable(e)));
                    } catch (RuntimeException e) {
                        MeshException named = ErrorStatuses.fromThrowable(e);
                        loop.execute(() -> notOpened(named));
                    }
                });
    }

    private void imagesOpened(RunWorld found) {
        if (closed) {
            found.close();
            return;
        }
        world = found;
        advance();
    }

    /** Only while the object store is away, it is waited for. */
    private void notOpened(MeshException cause) {
        if (closed) {
            return;
        }
        if (cause.reason() != ErrorReason.OBJECTS_UNAVAILABLE) {
            listener.failed(cause);
            return;
        }
        loop.after(
                OPEN_AGAIN,
                () -> {
                    if (!closed) {
                        begin();
                    }
                });
        if (!waits) {
            waits = true;
            listener.waits(cause); // last: it may not be possible to write it down
        }
    }

    /** Takes the run a step nearer to its execution, as far as what it needs is there. */
    void advance() {
        RunWorld found = world;
        if (found == null || opened || closed) {
            return;
        }
        if (plan.hasTeacher() && teacher == null) {
            describe(found);
            return;
        }
        try {
            if (!plan.hasTeacher()) {
                PlanAgainstWorld.match(record.folder().plan(), found.facts(), null);
            }
        } catch (MeshException e) {
            listener.failed(e);
            return;
        }
        opened = true;
        listener.opened(found, teacher);
    }

    private void describe(RunWorld found) {
        List<TeacherMember> there = teachers.get();
        if (describing || there.isEmpty()) {
            return;
        }
        describing = true;
        TeacherMember next = there.get(refusals % there.size());
        LogContext context = record.logContext().worker(next.workerId());
        beside.execute(() -> context.during(() -> describe(found, next)));
    }

    private void describe(RunWorld found, TeacherMember member) {
        try {
            DescribeTeacherResponse description =
                    describer.apply(member, found.facts().shape().toList());
            loop.execute(() -> described(found, description));
        } catch (RuntimeException e) {
            LOG.warnf(
                    "Teacher does not describe itself worker=%s cause=%s",
                    member.workerId(), e.getMessage());
            MeshException named = ErrorStatuses.fromThrowable(e);
            loop.execute(() -> notDescribed(named));
        }
    }

    /**
     * Images that do not fit the model, or its worker's memory, never will; with all else the next
     * teacher is asked.
     */
    private void notDescribed(MeshException cause) {
        describing = false;
        boolean never =
                cause.reason() == ErrorReason.TENSOR_SIZE_MISMATCH
                        || cause.reason() == ErrorReason.CREDIT_EXCEEDED;
        if (!never) {
            refusals++;
            loop.after(DESCRIBE_AGAIN, this::advance);
        } else if (!closed) {
            listener.failed(cause);
        }
    }

    private void described(RunWorld found, DescribeTeacherResponse description) {
        describing = false;
        if (closed) {
            return;
        }
        String wanted = plan.getTeacher().getSha256();
        try {
            if (!wanted.isEmpty() && !wanted.equals(description.getModelSha256())) {
                throw new MeshException(
                        ErrorReason.TEACHER_MODEL_MISMATCH,
                        "teacher has another digest: found="
                                + description.getModelSha256()
                                + ", expected="
                                + wanted);
            }
            teacher =
                    new RunWorld.Teacher(
                            description,
                            PlanAgainstWorld.match(
                                    record.folder().plan(), found.facts(), description));
            advance();
        } catch (MeshException e) {
            listener.failed(e);
        }
    }

    /** Returns the digest of the teacher's model; empty while the plan names none. */
    String modelSha256() {
        return teacher == null
                ? plan.getTeacher().getSha256()
                : teacher.description().getModelSha256();
    }

    /** Lets the images go; what is still being opened is let go when it is there. */
    @Override
    public void close() {
        closed = true;
        if (world != null) {
            world.close();
        }
    }
}
