package io.abmesh.coordinator.cluster.decision;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class WorkerMemoryTest {
    @ParameterizedTest
    @ValueSource(longs = {2048, 4096, 8192, 65_536})
    void thePartsFitIntoTheLimit(long limit) {
        for (WorkerMemory memory :
                new WorkerMemory[] {WorkerMemory.student(limit), WorkerMemory.teacher(limit)}) {
            assertThat(memory.heapMebibytes() + memory.directMebibytes() + memory.nativeMebibytes())
                    .isLessThan(limit);
            assertThat(memory.heapMebibytes()).isGreaterThanOrEqualTo(400);
        }
        assertThat(WorkerMemory.student(limit).nativeMebibytes()).isGreaterThan(limit / 3);
    }
}
