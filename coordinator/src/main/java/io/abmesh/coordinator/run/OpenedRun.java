package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.StudentTap;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.StreamOpen;
import org.jspecify.annotations.Nullable;

/**
 * A run that has all that it needs to be executed. It stays the same through all of its execution,
 * apart from what the record and the log have written down.
 *
 * @param record its state and journal
 * @param plan with paths resolved
 * @param world its images; borrowed
 * @param teacher absent if the plan has none
 * @param script what happens in it
 * @param log writes down what has happened; borrowed
 */
record OpenedRun(
        RunRecord record,
        Plan plan,
        RunWorld world,
        RunWorld.@Nullable Teacher teacher,
        RunScript script,
        RunLog log) {

    String runId() {
        return record.folder().runId();
    }

    /** Returns the samples of a micro-batch. */
    int microBatchSamples() {
        return plan.getBatch() / plan.getMicroBatches();
    }

    /** Returns what a stream to a teacher is opened with, apart from what it is asked for. */
    StreamOpen.Builder stream(RunWorld.Teacher of, long epoch) {
        StreamOpen.Builder open =
                StreamOpen.newBuilder()
                        .setRunId(runId())
                        .setEpoch(epoch)
                        .setExpectedModelSha256(of.description().getModelSha256())
                        .addAllImageShape(world.facts().shape().toList());
        world.teacherNormalization(plan, of.description()).ifPresent(open::setNormalization);
        return open;
    }

    /** Returns what a student is asked for its position with. */
    RunBegin question() {
        RunBegin.Builder begin =
                RunBegin.newBuilder()
                        .setRunId(runId())
                        .setPlan(plan)
                        .setPlanSha256(record.folder().plan().sha256())
                        .addAllImageShape(world.facts().shape().toList())
                        .setClassCount(world.facts().classCount())
                        .setNormalization(world.normalization())
                        .addAllTracks(script.tracks())
                        .setDatasetSha256(world.dataset().train().sha256());
        if (teacher != null) {
            begin.addAllTeacherTaps(teacher.match().teacherTaps())
                    .addAllStudentTaps(
                            teacher.match().studentTaps().stream().map(StudentTap::name).toList())
                    .setTeacherSha256(teacher.description().getModelSha256())
                    .setTeacherClassCount(teacher.description().getClassCount());
        }
        return begin.build();
    }
}
