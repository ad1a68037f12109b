package io.abmesh.nn.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.nn.training.ReductionTree.Subtree;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class ReductionTreeTest {
    private static final int LENGTH = 257;

    @Test
    void theOrderOfFiveIsPairsThenFoursThenTheRest() {
        Map<Subtree, float[]> parts = new HashMap<>();
        float[] values = {1e8f, 1f, -1e8f, 1f, 3f};
        for (int i = 0; i < values.length; i++) {
            parts.put(new Subtree(i, i + 1), new float[] {values[i]});
        }

        float total = new ReductionTree(5).total(parts::get)[0];

        assertThat(total).isEqualTo(((1e8f + 1f) + (-1e8f + 1f)) + 3f);
    }

    @Test
    void theTotalHasTheSameBitsHoweverTheMicroBatchesAreCutIntoRanges() {
        for (int leaves = 1; leaves <= 17; leaves++) {
            float[] whole = total(leaves, List.of(0, leaves));
            for (int students = 2; students <= leaves; students++) {
                List<Integer> cuts = new ArrayList<>();
                for (int k = 0; k <= students; k++) {
                    cuts.add(k * leaves / students);
                }
                assertThat(total(leaves, cuts))
                        .as("%d micro-batches on %d students", leaves, students)
                        .isEqualTo(whole);
            }
        }
    }

    @Test
    void aRangeIsCoveredByFewSumsThatAreDisjointAndInOrder() {
        for (int leaves = 1; leaves <= 64; leaves++) {
            ReductionTree tree = new ReductionTree(leaves);
            for (int first = 0; first < leaves; first++) {
                for (int end = first; end <= leaves; end++) {
                    int next = first;
                    List<Subtree> cover = tree.cover(first, end);
                    for (Subtree part : cover) {
                        assertThat(part.first()).isEqualTo(next);
                        next = part.end();
                    }
                    assertThat(next).isEqualTo(end);
                    assertThat(cover).hasSizeLessThanOrEqualTo(12);
                }
            }
        }
    }

    @Test
    void aMicroBatchThatNobodyComputedIsNamed() {
        assertThatThrownBy(() -> new ReductionTree(2).total(part -> null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("no gradient of micro-batch 0");
    }

    private static float[] total(int leaves, List<Integer> cuts) {
        ReductionTree tree = new ReductionTree(leaves);
        Map<Subtree, float[]> parts = new HashMap<>();
        for (int k = 0; k + 1 < cuts.size(); k++) {
            GradientSum sum = new GradientSum(LENGTH);
            sum.begin(tree, cuts.get(k));
            for (int micro = cuts.get(k); micro < cuts.get(k + 1); micro++) {
                float[] gradient = sum.next();
                SplittableRandom random = new SplittableRandom(micro);
                for (int i = 0; i < LENGTH; i++) {
                    gradient[i] = (float) random.nextGaussian();
                }
                sum.add(gradient);
            }
            parts.putAll(sum.sums());
        }
        return tree.total(parts::get);
    }
}
