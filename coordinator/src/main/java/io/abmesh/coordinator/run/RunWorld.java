package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.DataFacts;
import io.abmesh.coordinator.plan.PlanMatch;
import io.abmesh.data.image.ChannelStatistics;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.schedule.Augmentation;
import io.abmesh.data.schedule.BatchSchedule;
import io.abmesh.data.schedule.SequentialBatches;
import io.abmesh.data.schedule.SubsetRule;
import io.abmesh.data.source.ImageDatasets;
import io.abmesh.proto.v1.AugmentationPlan;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.SplitPlan;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a run meets: its images, and once a teacher is there, its taps.
 *
 * @param dataset images
 * @param facts about them, after the subsets
 * @param schedule batches of training
 * @param test batches of evaluation
 * @param normalization of the student's input
 */
public record RunWorld(
        ImageDataset dataset,
        DataFacts facts,
        BatchSchedule schedule,
        SequentialBatches test,
        Normalization normalization) {
    /** A teacher that was described, with the plan's pairs of taps. */
    public record Teacher(DescribeTeacherResponse description, PlanMatch match) {}

    /**
     * Opens the data of a plan; reads files.
     *
     * @param plan with absolute paths
     * @param evaluationBatch samples of one test batch
     * @throws io.abmesh.data.image.DatasetException with one line
     */
    public static RunWorld open(Plan plan, int evaluationBatch) {
        ImageDataset dataset = ImageDatasets.open(plan.getData().getLocation(), Path.of("/"));
        int[] train = rule(plan.getData().getTrain()).choose(dataset.train());
        int[] test = rule(plan.getData().getTest()).choose(dataset.test());
        AugmentationPlan views = plan.getData().getAugmentation();
        BatchSchedule schedule =
                new BatchSchedule(
                        dataset.train(),
                        train,
                        plan.getBatch(),
                        plan.getMicroBatches(),
                        new Augmentation(views.getCrop(), views.getFlip(), views.getVariants()),
                        plan.getSeed());
        return new RunWorld(
                dataset,
                new DataFacts(
                        dataset.shape(), dataset.classNames().size(), train.length, test.length),
                schedule,
                new SequentialBatches(dataset.test(), test, evaluationBatch),
                normalization(plan, dataset));
    }

    /** Returns the sizes of the subsets alone, for a plan that is only checked. */
    public static DataFacts facts(Plan plan) {
        ImageDataset dataset = ImageDatasets.open(plan.getData().getLocation(), Path.of("/"));
        return new DataFacts(
                dataset.shape(),
                dataset.classNames().size(),
                rule(plan.getData().getTrain()).choose(dataset.train()).length,
                rule(plan.getData().getTest()).choose(dataset.test()).length);
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

    private static SubsetRule rule(SplitPlan split) {
        return new SubsetRule(
                split.getImages(), split.getFraction(), split.getBalanced(), split.getSeed());
    }
}
