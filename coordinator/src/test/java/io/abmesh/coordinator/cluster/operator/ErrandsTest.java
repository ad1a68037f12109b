package io.abmesh.coordinator.cluster.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class ErrandsTest {
    private static final int PATIENCE_SECONDS = 60;
    private static final ObjectMeta RUN =
            new ObjectMetaBuilder().withName("one").withUid("uid").build();

    private final BlockingQueue<String> done = new LinkedBlockingQueue<>();
    private final Errands errands = new Errands(done::add);

    @AfterEach
    void close() {
        errands.close();
    }

    private void awaitDone() throws InterruptedException {
        assertThat(done.poll(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo("one");
    }

    @Test
    void anAnswerIsGivenOnce() throws Exception {
        assertThat(errands.answer(RUN, "check", () -> List.of("bad"))).isEmpty();
        awaitDone();
        assertThat(errands.answer(RUN, "check", List::of)).isEqualTo(Optional.of(List.of("bad")));
        assertThat(errands.answer(RUN, "check", List::of)).as("begun again").isEmpty();
    }

    @Test
    void aFailureIsTheAnswer() throws Exception {
        assertThat(
                        errands.answer(
                                RUN,
                                "begin",
                                () -> {
                                    throw new IllegalStateException("full");
                                }))
                .isEmpty();
        awaitDone();
        assertThatThrownBy(() -> errands.answer(RUN, "begin", List::of))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("full");
    }

    @Test
    void anAnswerToWhatIsNotAskedAnyMoreIsDropped() throws Exception {
        CountDownLatch fetched = new CountDownLatch(1);
        assertThat(
                        errands.answer(
                                RUN,
                                "check 1",
                                () -> {
                                    await(fetched);
                                    return List.of("bad");
                                }))
                .isEmpty();
        assertThat(errands.answer(RUN, "check 2", List::of)).as("one at a time").isEmpty();
        assertThat(errands.underWay("uid", "check 1")).isTrue();
        fetched.countDown();
        awaitDone();
        assertThat(errands.answer(RUN, "check 2", List::of)).isEmpty();
        awaitDone();
        assertThat(errands.answer(RUN, "check 2", List::of)).isEqualTo(Optional.of(List.of()));
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
