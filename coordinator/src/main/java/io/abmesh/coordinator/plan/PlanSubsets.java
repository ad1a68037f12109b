package io.abmesh.coordinator.plan;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.data.schedule.SubsetRule;
import io.abmesh.proto.v1.SplitPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Samples that a plan chooses of its data, as indices into the splits. A choice that cannot be made
 * is a problem of the plan, at the key that asks for it.
 */
public final class PlanSubsets {
    private final int[] train;
    private final int[] test;
    private final List<PlanProblem> problems;

    private PlanSubsets(int[] train, int[] test, List<PlanProblem> problems) {
        this.train = train;
        this.test = test;
        this.problems = problems;
    }

    /** Chooses; where that cannot be done the whole split stands for the choice. */
    static PlanSubsets tryChoose(CompletePlan plan, ImageDataset dataset) {
        List<PlanProblem> problems = new ArrayList<>();
        int[] train =
                choose(
                        plan,
                        "data.train",
                        plan.plan().getData().getTrain(),
                        dataset.train(),
                        problems);
        int[] test =
                choose(
                        plan,
                        "data.test",
                        plan.plan().getData().getTest(),
                        dataset.test(),
                        problems);
        return new PlanSubsets(train, test, List.copyOf(problems));
    }

    /**
     * Chooses.
     *
     * @throws io.abmesh.proto.error.MeshException with {@code INVALID_PLAN} and every problem
     */
    public static PlanSubsets choose(CompletePlan plan, ImageDataset dataset) {
        PlanSubsets subsets = tryChoose(plan, dataset);
        if (!subsets.problems.isEmpty()) {
            throw PlanProblem.exception(subsets.problems);
        }
        return subsets;
    }

    /** Returns indices into the training split. */
    public int[] train() {
        return train.clone();
    }

    /** Returns indices into the test split. */
    public int[] test() {
        return test.clone();
    }

    /** Returns what the data turned out to be. */
    public DataFacts facts(ImageDataset dataset) {
        return new DataFacts(
                dataset.shape(), dataset.classNames().size(), train.length, test.length);
    }

    List<PlanProblem> problems() {
        return problems;
    }

    private static int[] choose(
            CompletePlan plan,
            String path,
            SplitPlan split,
            ImageSplit images,
            List<PlanProblem> problems) {
        SubsetRule rule =
                new SubsetRule(
                        split.getImages(),
                        split.getFraction(),
                        split.getBalanced(),
                        split.getSeed());
        try {
            return rule.choose(images);
        } catch (DatasetException e) {
            String key = path + (split.getImages() > 0 ? ".images" : ".fraction");
            problems.add(plan.source().problem(key, String.valueOf(e.getMessage())));
            return IntStream.range(0, images.size()).toArray();
        }
    }
}
