package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.run.StudentGroup.Share;
import java.util.List;
import org.junit.jupiter.api.Test;

final class StudentGroupTest {
    @Test
    void sharesAreNeighboursInOrderAndOfSizesThatDifferByOne() {
        for (int microBatches = 1; microBatches <= 20; microBatches++) {
            for (int students = 1; students <= 20; students++) {
                List<Share> shares = StudentGroup.shares(students, microBatches);
                int next = 0;
                for (Share share : shares) {
                    assertThat(share.first()).isEqualTo(next);
                    assertThat(share.end() - share.first())
                            .isBetween(microBatches / students, microBatches / students + 1);
                    next = share.end();
                }
                assertThat(shares).hasSize(students);
                assertThat(next).isEqualTo(microBatches);
            }
        }
    }

    @Test
    void moreStudentsThanMicroBatchesLeavesSomeWithoutWork() {
        assertThat(StudentGroup.shares(3, 2))
                .containsExactly(new Share(0, 0), new Share(0, 1), new Share(1, 2));
    }
}
