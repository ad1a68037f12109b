package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.TeacherLink;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.BatchFailed;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.StreamOpened;
import org.jboss.logging.Logger;

/**
 * Has a teacher name the classes of a few test images, so that a wrong normalisation or order of
 * classes is seen before hours of training and not after. It advises and never fails a run: a
 * teacher that does not answer is told of by those who need it. On the coordinator's loop.
 */
final class TeacherExam implements TeacherLink.Listener, AutoCloseable {
    /** Enough to tell knowledge from chance, and seconds for a large model. */
    static final int MOST_IMAGES = 128;

    private static final Logger LOG = Logger.getLogger(TeacherExam.class);

    private final OpenedRun run;
    private final int classes;
    private final RunAdvice advice;
    private final TeacherLink link;
    private int samples;

    /**
     * Begins it, in a stream of its own.
     *
     * @param teacher with as many classes as the data
     */
    TeacherExam(
            OpenedRun run,
            RunWorld.Teacher teacher,
            TeacherMember member,
            RunExecution.Surroundings around,
            RunAdvice advice) {
        this.run = run;
        this.classes = teacher.description().getClassCount();
        this.advice = advice;
        this.link =
                TeacherLink.open(
                        member,
                        run.stream(teacher, 0).setLogits(true).build(),
                        around.loop().of(member.workerId()),
                        this,
                        around.batches().memory(),
                        around.security(),
                        around.stallTimeout());
    }

    @Override
    public void opened(TeacherLink opened, StreamOpened answer) {
        long room = link.credit() / Math.max(1, link.cost(1));
        samples = (int) Math.min(room, Math.min(MOST_IMAGES, run.world().test().sampleCount()));
        if (samples < 1) {
            close();
            return;
        }
        link.offer(
                run.runId() + "/0/exam/0/0",
                run.world().dataset().test().sha256(),
                samples,
                run.world().bytes(samples),
                false,
                -1,
                "",
                () -> run.world().test().spread(samples));
    }

    @Override
    public void ready(TeacherLink answered, BatchReady ready) {
        if (ready.hasCorrectCount()) {
            advice.teacherExamined(ready.getCorrectCount(), samples, classes);
        }
        close();
    }

    @Override
    public void failed(TeacherLink answered, BatchFailed failed) {
        LOG.debugf("Teacher was not examined cause=%s", failed.getStatus().getMessage());
        close();
    }

    @Override
    public void lost(TeacherLink gone, MeshException cause) {
        LOG.debugf("Teacher was not examined cause=%s", cause.getMessage());
    }

    @Override
    public void credited(TeacherLink answered) {}

    /** Ends it, answered or not. */
    @Override
    public void close() {
        link.close();
    }
}
