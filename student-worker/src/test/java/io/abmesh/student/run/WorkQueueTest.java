package io.abmesh.student.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.RunEnd;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.proto.v1.StudentPlan;
import io.abmesh.proto.v1.Track;
import io.abmesh.proto.v1.TrackPhase;
import io.abmesh.proto.v1.WorkResponse;
import io.abmesh.student.exchange.ExchangeSettings;
import io.abmesh.student.exchange.StudentExchanges;
import io.abmesh.student.fetch.BatchPrefetcher;
import io.abmesh.student.fetch.FetchSettings;
import io.abmesh.student.meter.StudentMeters;
import io.grpc.Context;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class WorkQueueTest {
    private static final long MEMORY = 1 << 20;
    private static final String RUN = "run-1";
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @Test
    void theEndOfARunGivesUpWhatItStillWaitsFor() throws Exception {
        try (BatchPrefetcher prefetcher =
                        new BatchPrefetcher(
                                (address, request, maxBytes, allocator) -> hang(),
                                new FetchSettings(MEMORY, 2, Duration.ofHours(1)),
                                new StudentMeters(new SimpleMeterRegistry()),
                                System::nanoTime);
                StudentExchanges exchanges =
                        new StudentExchanges(
                                MeshSecurity.plainText(),
                                new ExchangeSettings(PATIENCE, PATIENCE, PATIENCE, MEMORY))) {
            WorkQueue queue = new WorkQueue(prefetcher, exchanges, MEMORY);
            queue.received(WorkResponse.newBuilder().setBegin(begin()).build());
            queue.received(step(0));
            queue.received(
                    WorkResponse.newBuilder()
                            .setEpoch(1)
                            .setRoster(
                                    RunRoster.newBuilder()
                                            .setRunId(RUN)
                                            .addMembers(
                                                    RosterMember.newBuilder().setEndMicroBatch(1)))
                            .build());
            queue.received(step(1));
            assertThat(queue.take()).get().isInstanceOf(Work.Begin.class);
            Work inHand = queue.take().orElseThrow();

            queue.received(
                    WorkResponse.newBuilder().setEnd(RunEnd.newBuilder().setRunId(RUN)).build());

            assertThatThrownBy(() -> inHand.batches().get(0).await())
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e -> assertThat(e.reason()).isEqualTo(ErrorReason.CANCELLED));
            assertThat(queue.take()).contains(new Work.End(RUN));
        }
    }

    private static WorkResponse step(long step) {
        return WorkResponse.newBuilder()
                .setEpoch(1)
                .setStep(
                        StepAssignment.newBuilder()
                                .setRunId(RUN)
                                .setStep(step)
                                .addMicroBatches(
                                        BatchReference.newBuilder()
                                                .setBatchId("step-" + step)
                                                .setAddress("nobody")
                                                .setSampleCount(8)))
                .build();
    }

    private static RunBegin begin() {
        return RunBegin.newBuilder()
                .setRunId(RUN)
                .setPlan(
                        Plan.newBuilder()
                                .setName("waiting")
                                .setStudent(StudentPlan.newBuilder().setNetwork("wrn-10-1"))
                                .setBatch(8)
                                .setMicroBatches(1))
                .setPlanSha256("0".repeat(64))
                .addAllImageShape(List.of(1L, 16L, 16L))
                .setClassCount(2)
                .setNormalization(Normalization.newBuilder().addMean(120).addStd(70))
                .addTracks(
                        Track.newBuilder()
                                .setName("supervised")
                                .addPhases(
                                        TrackPhase.newBuilder()
                                                .setStartStep(0)
                                                .setEndStep(2)
                                                .setPhase(
                                                        PhasePlan.newBuilder()
                                                                .setName("supervised")
                                                                .setEpochs(1)
                                                                .addLosses(
                                                                        LossPlan.newBuilder()
                                                                                .setKind(
                                                                                        LossKind
                                                                                                .LOSS_KIND_CROSS_ENTROPY)
                                                                                .setWeight(1)))))
                .build();
    }

    /** A server that never answers, until the call is cancelled. */
    private static Map<String, Tensor> hang() {
        CountDownLatch cancelled = new CountDownLatch(1);
        Context.current().addListener(context -> cancelled.countDown(), Runnable::run);
        try {
            cancelled.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new MeshException(ErrorReason.CANCELLED, "call was cancelled");
    }
}
