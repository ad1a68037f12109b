package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class BlockingCallsTest {
    private static final long LIMIT_SECONDS = 60;

    private final BlockingCalls checks = new BlockingCalls("plans");
    private final CompletableFuture<String> blocked = new CompletableFuture<>();

    /** What a caller hears. */
    private static final class Heard implements StreamObserver<String> {
        private final CompletableFuture<String> answer = new CompletableFuture<>();
        private String response = "";

        @Override
        public void onNext(String message) {
            response = message;
        }

        @Override
        public void onError(Throwable cause) {
            answer.completeExceptionally(cause);
        }

        @Override
        public void onCompleted() {
            answer.complete(response);
        }

        String get() throws Exception {
            return answer.get(LIMIT_SECONDS, TimeUnit.SECONDS);
        }
    }

    @AfterEach
    void stop() {
        blocked.complete("late");
        checks.close();
    }

    @Test
    void aQuestionThatBlocksHoldsNotItsCallerButAThreadOfItsOwn() throws Exception {
        Heard first = new Heard();
        CompletableFuture<String> thread = new CompletableFuture<>();

        checks.answer(
                first,
                () -> {
                    thread.complete(Thread.currentThread().getName());
                    return blocked.join();
                });

        assertThat(thread.get(LIMIT_SECONDS, TimeUnit.SECONDS)).startsWith("coordinator-plans-");
        assertThat(first.answer).isNotDone();
        blocked.complete("checked");
        assertThat(first.get()).isEqualTo("checked");
    }

    @Test
    void whatTheQuestionThrowsIsTheFailureOfTheCall() {
        MeshException problem = new MeshException(ErrorReason.INVALID_PLAN, "no phases");
        Heard refused = new Heard();
        Heard broken = new Heard();

        checks.answer(
                refused,
                () -> {
                    throw problem;
                });
        checks.answer(
                broken,
                () -> {
                    throw new OutOfMemoryError("of the test");
                });

        assertThatThrownBy(refused::get).hasCause(problem);
        assertThatThrownBy(broken::get).hasRootCauseMessage("of the test");
    }

    @Test
    void moreQuestionsThanMayWaitAreRefused() throws Exception {
        occupy();
        List<Heard> waiting = new ArrayList<>();
        for (int i = 0; i < BlockingCalls.MOST_WAITING; i++) {
            Heard one = new Heard();
            waiting.add(one);
            checks.answer(one, () -> "checked");
        }

        assertThatThrownBy(() -> checks.answer(new Heard(), () -> "never"))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> {
                            assertThat(e.reason()).isEqualTo(ErrorReason.WORKER_OVERLOADED);
                            assertThat(e.retryDelay()).contains(Duration.ofSeconds(5));
                        })
                .hasMessage("too many calls about plans wait: expected=at most 32");

        blocked.complete("checked");
        for (Heard one : waiting) {
            assertThat(one.get()).isEqualTo("checked");
        }
    }

    @Test
    void whoIsGoneWhenItsTurnComesIsLeftOut() throws Exception {
        occupy();
        Context.CancellableContext call = Context.current().withCancellation();
        Heard gone = new Heard();
        Heard behind = new Heard();
        call.run(() -> checks.answer(gone, () -> "for nobody"));
        call.cancel(new TimeoutException());
        checks.answer(behind, () -> "checked");

        blocked.complete("checked");

        assertThat(behind.get()).isEqualTo("checked");
        assertThat(gone.answer).isNotDone();
    }

    /** Blocks every thread, until the test goes on. */
    private void occupy() throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(BlockingCalls.THREADS);
        for (int i = 0; i < BlockingCalls.THREADS; i++) {
            checks.answer(
                    new Heard(),
                    () -> {
                        begun.countDown();
                        return blocked.join();
                    });
        }
        assertThat(begun.await(LIMIT_SECONDS, TimeUnit.SECONDS)).isTrue();
    }
}
