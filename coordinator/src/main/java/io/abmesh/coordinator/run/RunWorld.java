package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.DataFacts;
import io.abmesh.coordinator.plan.PlanMatch;
import io.abmesh.coordinator.plan.PlanSubsets;
import io.abmesh.data.image.ChannelStatistics;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.schedule.Augmentation;
import io.abmesh.data.schedule.BatchSchedule;
import io.abmesh.data.schedule.SequentialBatches;
import io.abmesh.proto.v1.AugmentationPlan;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.proto.v1.Plan;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a run meets: its images, and once a teacher is there, its taps. Not used once it is closed.
 *
 * @param data images
 * @param facts about them, after the subsets
 * @param schedule batches of training
 * @param test batches of evaluation
 * @param normalization of the student's input
 */
public record RunWorld(
        Datasets.Open data,
        DataFacts facts,
        BatchSchedule schedule,
        SequentialBatches test,
        Normalization normalization)
        implements AutoCloseable {
    /** A teacher that was described, with the plan's pairs of taps. */
    public record Teacher(DescribeTeacherResponse description, PlanMatch match) {}

    /**
     * Opens the data of a plan; reads files.
     *
     * @param base folder that relative paths are relative to
     * @param evaluationBatch samples of one test batch
     * @throws io.abmesh.data.image.DatasetException with one line
     * @throws io.abmesh.proto.error.MeshException INVALID_PLAN if its subsets cannot be chosen;
     *     DATASET_UNREADABLE, OBJECTS_UNAVAILABLE or STORE_FULL if they cannot be fetched
     */
    static RunWorld open(CompletePlan complete, Path base, Datasets datasets, int evaluationBatch) {
        Datasets.Open data = datasets.open(complete, base);
        try {
            return of(complete, base, data, evaluationBatch);
        } catch (RuntimeException e) {
            data.close();
            throw e;
        }
    }

    /**
     * Likewise, of data that is open.
     *
     * @param data taken, unless this throws
     */
    static RunWorld of(CompletePlan complete, Path base, Datasets.Open data, int evaluationBatch) {
        Plan plan = complete.resolved(base);
        ImageDataset dataset = data.images();
        PlanSubsets subsets = PlanSubsets.choose(complete, dataset);
        digest(dataset, plan);
        AugmentationPlan views = plan.getData().getAugmentation();
        BatchSchedule schedule =
                new BatchSchedule(
                        dataset.train(),
                        subsets.train(),
                        plan.getBatch(),
                        plan.getMicroBatches(),
                        new Augmentation(views.getCrop(), views.getFlip(), views.getVariants()),
                        plan.getSeed());
        return new RunWorld(
                data,
                subsets.facts(dataset),
                schedule,
                new SequentialBatches(dataset.test(), subsets.test(), evaluationBatch),
                normalization(plan, dataset));
    }

    /**
     * Has the digests computed of the splits that are named by them: every run's training images,
     * and the test images on which a teacher is examined. They are asked for on the loop, which
     * must not read all pixels first.
     */
    private static void digest(ImageDataset dataset, Plan plan) {
        String unused = dataset.train().sha256();
        if (plan.hasTeacher()) {
            unused = dataset.test().sha256();
        }
    }

    /** Returns the images. */
    public ImageDataset dataset() {
        return data.images();
    }

    /** Returns the bytes of samples: pixels and a label each. */
    long bytes(int samples) {
        return samples * ((long) facts.shape().bytes() + Integer.BYTES);
    }

    /** Returns what turns pixels into the teacher's input; nothing if it takes them as they are. */
    Optional<Normalization> teacherNormalization(Plan plan, DescribeTeacherResponse teacher) {
        if (plan.getTeacher().hasNormalization()) {
            return Optional.of(plan.getTeacher().getNormalization());
        }
        return teacher.getRawPixels() ? Optional.empty() : Optional.of(normalization);
    }

    private static Normalization normalization(Plan plan, ImageDataset dataset) {
        if (plan.getData().hasNormalization()) {
            return plan.getData().getNormalization();
        }
        ChannelStatistics statistics = dataset.statistics();
        return Normalization.newBuilder()
                .addAllMean(statistics.mean())
                .addAllStd(statistics.std())
                .build();
    }

    /** Lets the files of the images go. */
    @Override
    public void close() {
        data.close();
    }
}
