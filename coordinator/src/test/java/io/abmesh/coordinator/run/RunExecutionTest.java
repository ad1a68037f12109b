package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.TapDescription;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run of a teacher with a tap less than its student, whose journal cannot be written. */
final class RunExecutionTest {
    private static final String MODEL = "5".repeat(64);

    @TempDir Path directory;

    private final Loop loop = new Loop();
    private final List<ErrorReason> failed = new ArrayList<>();
    private OpenedRun run;
    private RunExecution execution;

    @BeforeEach
    void open() {
        TestingClock clock = new TestingClock();
        DescribeTeacherResponse teacher =
                DescribeTeacherResponse.newBuilder()
                        .setModelSha256(MODEL)
                        .setClassCount(10)
                        .addTaps(tap("t1", 28))
                        .addTaps(tap("t2", 14))
                        .addAllAutoTaps(List.of("t1", "t2"))
                        .build();
        run =
                TestingRuns.opened(
                        directory,
                        PlanReader.read(TestingPlans.distilled(), List.of()),
                        teacher,
                        clock);
        execution = new RunExecution(run, TestingRuns.surroundings(loop, clock), new Ended());
        run.record().close();
    }

    private static TapDescription tap(String name, long side) {
        return TapDescription.newBuilder()
                .setName(name)
                .setTensor(name)
                .addAllSampleShape(List.of(2L, side, side))
                .build();
    }

    @AfterEach
    void close() {
        loop.executeAndWait(execution::close);
        loop.close();
        run.log().close();
        run.world().close();
    }

    @Test
    void adviceThatCannotBeWrittenEndsTheRunBeforeItsWorkersAreAsked() {
        loop.executeAndWait(
                () -> {
                    execution.begin();
                    execution.teacherJoined(
                            new TeacherMember(1, "late", "127.0.0.1:1", MODEL, Optional.empty()));
                });

        assertThat(failed).containsExactly(ErrorReason.STORE_FULL);
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .doesNotContain("coordinator-feed-late");
    }

    /** Closes the execution at once, as the coordinator does. */
    private final class Ended implements RunExecution.Ending {
        @Override
        public void succeeded() {
            throw new AssertionError("nothing was done");
        }

        @Override
        public void failed(MeshException cause) {
            failed.add(cause.reason());
            execution.close();
        }
    }
}
