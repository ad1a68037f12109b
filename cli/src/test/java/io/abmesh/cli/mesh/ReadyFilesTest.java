package io.abmesh.cli.mesh;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.process.ReadyFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReadyFilesTest {

    @TempDir Path folder;

    @Test
    void tellWhenAFileAppears()
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        try (ReadyFiles files = new ReadyFiles(folder)) {
            CompletableFuture<ReadyFile> ready = files.expect("student-0");
            ReadyFile written = new ReadyFile("student", 1, 2, 3);

            written.write(files.file("student-0"));

            assertThat(ready.get(60, TimeUnit.SECONDS)).isEqualTo(written);
        }
    }

    @Test
    void doNotTakeTheFileOfAnEarlierProcessForTheNextOnes()
            throws IOException, InterruptedException, ExecutionException, TimeoutException {
        try (ReadyFiles files = new ReadyFiles(folder)) {
            new ReadyFile("student", 1, 2, 3).write(files.file("student-0"));

            CompletableFuture<ReadyFile> ready = files.expect("student-0");

            assertThat(files.file("student-0")).doesNotExist();
            ReadyFile next = new ReadyFile("student", 4, 5, 6);
            next.write(files.file("student-0"));
            assertThat(ready.get(60, TimeUnit.SECONDS)).isEqualTo(next);
        }
    }
}
