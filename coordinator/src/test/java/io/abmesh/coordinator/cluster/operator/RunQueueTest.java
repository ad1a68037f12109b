package io.abmesh.coordinator.cluster.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class RunQueueTest {
    private static final int PATIENCE_SECONDS = 60;

    @Test
    void aRunWhoseLooksFailIsDueOnceHoweverOftenItIsAdded() throws Exception {
        Semaphore looks = new Semaphore(0);
        try (RunQueue queue =
                new RunQueue(
                        name -> {
                            looks.release();
                            throw new IllegalStateException("refused");
                        })) {
            for (int i = 1; i <= 20; i++) {
                queue.add("one");
                assertThat(looks.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
                assertThat(queue.due()).as("after look %s", i).isLessThanOrEqualTo(1);
            }
        }
    }

    @Test
    void aRunWhoseLookFailsIsLookedAtAgain() throws Exception {
        CountDownLatch looks = new CountDownLatch(3);
        AtomicInteger failing = new AtomicInteger(2);
        try (RunQueue queue =
                new RunQueue(
                        name -> {
                            looks.countDown();
                            if (failing.getAndDecrement() > 0) {
                                throw new IllegalStateException("refused");
                            }
                            return true;
                        })) {
            queue.add("one");

            assertThat(looks.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void runsAreLookedAtOnceForAllThatIsAddedMeanwhile() throws Exception {
        CountDownLatch first = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        CountDownLatch last = new CountDownLatch(1);
        List<String> looks = new CopyOnWriteArrayList<>();
        try (RunQueue queue =
                new RunQueue(
                        name -> {
                            looks.add(name);
                            first.countDown();
                            try {
                                go.await();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                            if (name.equals("last")) {
                                last.countDown();
                            }
                            return true;
                        })) {
            queue.add("one");
            assertThat(first.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            queue.add("two");
            queue.add("two");
            queue.add("last");
            go.countDown();

            assertThat(last.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(looks).containsExactly("one", "two", "last");
        }
    }
}
