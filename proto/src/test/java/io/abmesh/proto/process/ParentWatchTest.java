package io.abmesh.proto.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

final class ParentWatchTest {

    @Test
    void runsTheShutdownWhenTheParentIsKilled()
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        Process parent = new ProcessBuilder("cat").start();
        CompletableFuture<Void> gone = new CompletableFuture<>();
        ParentWatch.watch(parent.pid(), () -> gone.complete(null));
        assertThat(gone).isNotDone();

        parent.destroyForcibly();

        gone.get(60, TimeUnit.SECONDS);
    }

    @Test
    void runsTheShutdownAtOnceWhenTheParentIsGoneAlready()
            throws IOException, InterruptedException {
        Process parent = new ProcessBuilder("true").start();
        parent.waitFor();
        CompletableFuture<Void> gone = new CompletableFuture<>();

        ParentWatch.watch(parent.pid(), () -> gone.complete(null));

        assertThat(gone).isDone();
    }
}
