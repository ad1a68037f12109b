package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.data.image.DatasetException;
import io.abmesh.objects.ObjectCache;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What blocks is done when the test says so, and the loop's tasks follow at once. */
final class RunOpeningTest {
    private static final String MODEL = "5".repeat(64);
    private static final TeacherMember TEACHER =
            new TeacherMember(1, "teacher-0", "127.0.0.1:1", MODEL, Optional.empty());

    @TempDir Path directory;

    private final Loop loop = new Loop();
    private final Deque<Runnable> beside = new ArrayDeque<>();
    private final Told told = new Told();
    private final List<TeacherMember> teachers = new ArrayList<>();
    private final List<String> asked = new ArrayList<>();
    private final List<TeacherMember> silent = new ArrayList<>();
    private List<Long> taken = List.of(1L, 28L, 28L);

    /** What the opening tells. */
    private static final class Told implements RunOpening.Listener {
        private final List<Optional<RunWorld.Teacher>> opened = new ArrayList<>();
        private final List<ErrorReason> waits = new ArrayList<>();
        private final List<MeshException> failed = new ArrayList<>();

        @Override
        public void opened(RunWorld world, RunWorld.@Nullable Teacher teacher) {
            opened.add(Optional.ofNullable(teacher));
        }

        @Override
        public void waits(MeshException cause) {
            waits.add(cause.reason());
        }

        @Override
        public void failed(MeshException cause) {
            failed.add(cause);
        }
    }

    @AfterEach
    void stop() {
        loop.close();
    }

    @Test
    void aPlanWithoutATeacherNeedsItsImagesAlone() {
        RunOpening opening = opening(TestingPlans.supervised());
        loop.executeAndWait(opening::begin);
        assertThat(told.opened).isEmpty();

        doBeside();

        assertThat(told.opened).containsExactly(Optional.empty());
        assertThat(asked).isEmpty();
    }

    @Test
    void aTeacherIsAskedOnceItIsThereAndTheImagesAre() {
        RunOpening opening = opening(withTeacher(), "phases[0].losses=[kd, crossEntropy]");
        loop.executeAndWait(opening::begin);
        doBeside();
        assertThat(asked).as("nobody is there").isEmpty();

        teachers.add(TEACHER);
        loop.executeAndWait(opening::advance);
        loop.executeAndWait(opening::advance);
        doBeside();

        assertThat(asked).as("once, however often it might be").containsExactly("teacher-0");
        assertThat(told.opened).hasSize(1);
        assertThat(told.opened.get(0).orElseThrow().description().getModelSha256())
                .isEqualTo(MODEL);
        assertThat(opening.modelSha256()).isEqualTo(MODEL);
    }

    @Test
    void afterATeacherThatDoesNotDescribeItselfTheNextIsAsked() {
        silent.add(TEACHER);
        teachers.add(TEACHER);
        teachers.add(new TeacherMember(2, "teacher-1", "127.0.0.1:2", MODEL, Optional.empty()));
        RunOpening opening = opening(withTeacher(), "phases[0].losses=[kd, crossEntropy]");
        loop.executeAndWait(opening::begin);
        doBeside();
        doBeside();
        assertThat(told.opened).isEmpty();

        loop.executeAndWait(opening::advance);
        doBeside();

        assertThat(asked).containsExactly("teacher-0", "teacher-1");
        assertThat(told.opened).hasSize(1);
    }

    @Test
    void anotherModelThanThePlanNamesFailsTheRun() {
        String wanted = "6".repeat(64);
        RunOpening opening = opening(withTeacher(), "teacher.sha256=" + wanted);
        teachers.add(TEACHER);
        loop.executeAndWait(opening::begin);
        doBeside();
        doBeside();

        assertThat(told.opened).isEmpty();
        assertThat(told.failed)
                .singleElement()
                .satisfies(
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.TEACHER_MODEL_MISMATCH))
                .satisfies(
                        e ->
                                assertThat(e)
                                        .hasMessage(
                                                "teacher has another digest: found="
                                                        + MODEL
                                                        + ", expected="
                                                        + wanted));
    }

    @Test
    void aTeacherThatDoesNotTakeTheRunsImagesFailsIt() {
        taken = List.of(3L, 32L, 32L);
        teachers.add(TEACHER);
        loop.executeAndWait(opening(withTeacher())::begin);
        doBeside();
        doBeside();

        assertThat(asked).containsExactly("teacher-0");
        assertThat(told.opened).isEmpty();
        assertThat(told.failed)
                .singleElement()
                .satisfies(
                        e -> {
                            assertThat(e.reason()).isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
                            assertThat(e)
                                    .hasMessage("images do not fit the teacher: found=[1, 28, 28]");
                        });
    }

    @Test
    void imagesThatCannotBeReadFailTheRun() {
        opened(
                () -> {
                    throw new DatasetException(
                            DatasetException.Reason.MALFORMED, "labels are missing: found=0");
                });

        assertThat(told.failed)
                .singleElement()
                .satisfies(
                        e -> {
                            assertThat(e.reason()).isEqualTo(ErrorReason.DATASET_UNREADABLE);
                            assertThat(e).hasMessage("labels are missing: found=0");
                        });
        assertThat(told.waits).isEmpty();
    }

    @Test
    void anObjectStoreThatIsAwayIsWaitedFor() {
        opened(
                () -> {
                    throw new MeshException(ErrorReason.OBJECTS_UNAVAILABLE, "no answer");
                });

        assertThat(told.waits).containsExactly(ErrorReason.OBJECTS_UNAVAILABLE);
        assertThat(told.failed).isEmpty();
    }

    @Test
    void aRunThatLosesItsTurnMeanwhileHearsNothing() {
        RunOpening opening = opening(TestingPlans.supervised());
        loop.executeAndWait(opening::begin);
        loop.executeAndWait(opening::close);

        doBeside();

        assertThat(told.opened).isEmpty();
        assertThat(told.failed).isEmpty();
    }

    private static String withTeacher() {
        return TestingPlans.distilled();
    }

    /** Does what was asked for beside the loop by now, and what the loop makes of it. */
    private void doBeside() {
        for (int left = beside.size(); left > 0; left--) {
            beside.remove().run();
        }
        loop.executeAndWait(() -> {});
    }

    private void opened(Supplier<RunWorld> images) {
        RunOpening opening = opening(plan(TestingPlans.supervised()), images);
        loop.executeAndWait(opening::begin);
        doBeside();
    }

    private RunOpening opening(String yaml, String... overrides) {
        CompletePlan plan = plan(yaml, overrides);
        Datasets datasets =
                new Datasets(
                        new ObjectCache(
                                directory.resolve("objects"),
                                ObjectStore.ofEnvironment(),
                                ObjectCache.MAX_BYTES,
                                new TestingClock()));
        return opening(plan, () -> RunWorld.open(plan, directory, datasets, 8));
    }

    private RunOpening opening(CompletePlan plan, Supplier<RunWorld> images) {
        return new RunOpening(
                RunRecord.open(TestingRuns.folder(directory, plan, List.of()), new TestingClock()),
                plan.resolved(directory),
                loop,
                beside::add,
                images,
                () -> List.copyOf(teachers),
                this::describe,
                told);
    }

    private DescribeTeacherResponse describe(TeacherMember member, List<Long> imageShape) {
        asked.add(member.workerId());
        if (silent.contains(member)) {
            throw new MeshException(ErrorReason.DEADLINE_EXCEEDED, "no answer");
        }
        if (!imageShape.equals(taken)) {
            throw ErrorStatuses.toException(
                    new MeshException(
                            ErrorReason.TENSOR_SIZE_MISMATCH,
                            "images do not fit the teacher: found=" + imageShape));
        }
        return DescribeTeacherResponse.newBuilder()
                .setModelSha256(member.modelSha256())
                .setClassCount(10)
                .build();
    }

    private static CompletePlan plan(String yaml, String... overrides) {
        return PlanReader.read(yaml, List.of(overrides));
    }
}
