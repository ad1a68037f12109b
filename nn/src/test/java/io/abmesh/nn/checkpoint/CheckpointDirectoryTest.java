package io.abmesh.nn.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CheckpointDirectoryTest {
    private static final String PLAN = "ab12";

    @TempDir Path folder;

    @Test
    void whatWasPublishedIsReadBackBitForBit() {
        Checkpoint written = checkpoint(7, Float.intBitsToFloat(0x7fc00001), -0.0f, 1e-42f, 3);
        new CheckpointDirectory(folder, 2).publish(7, written);

        Checkpoint read = new CheckpointDirectory(folder, 2).newest(PLAN).orElseThrow();

        assertThat(read.metadata()).isEqualTo(written.metadata());
        assertThat(read.tensors()).isEqualTo(written.tensors());
    }

    @Test
    void theFileIsSafetensorsThatStrangersRead() throws IOException {
        Path file = new CheckpointDirectory(folder, 1).publish(1, checkpoint(1, 1, 2, 3, 4));

        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[Math.toIntExact(bytes.getLong())];
        bytes.get(header);

        assertThat(new String(header, StandardCharsets.UTF_8))
                .contains(
                        "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}")
                .startsWith("{\"__metadata__\":{");
        assertThat(bytes.getFloat()).isEqualTo(1f);
        assertThat(bytes.remaining()).isEqualTo(12);
    }

    @Test
    void onlyTheNewestAreKept() throws IOException {
        CheckpointDirectory directory = new CheckpointDirectory(folder, 2);
        for (int step : new int[] {5, 10, 15, 20}) {
            directory.publish(step, checkpoint(step, 1, 2, 3, step));
        }

        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "step-000000015.safetensors", "step-000000020.safetensors");
        }
        assertThat(directory.newest(PLAN).orElseThrow().require(Checkpoint.STEP)).isEqualTo("20");
    }

    @Test
    void aFileThatLostItsTailIsSetAsideAndTheOneBeforeIsUsed() throws IOException {
        Random random = new Random(3);
        for (int round = 0; round < 40; round++) {
            CheckpointDirectory directory = new CheckpointDirectory(folder, 2);
            directory.publish(1, checkpoint(1, 1, 2, 3, 4));
            Path newest = directory.publish(2, checkpoint(2, 5, 6, 7, 8));
            try (RandomAccessFile file = new RandomAccessFile(newest.toFile(), "rw")) {
                file.setLength(random.nextLong(file.length()));
            }

            assertThat(directory.newest(PLAN).orElseThrow().require(Checkpoint.STEP))
                    .isEqualTo("1");
            assertThat(directory.quarantined())
                    .containsExactly(folder.resolve("step-000000002.safetensors.corrupt"));
        }
    }

    @Test
    void everyAlteredByteIsNoticed() throws IOException {
        CheckpointDirectory directory = new CheckpointDirectory(folder, 2);
        byte[] whole = Files.readAllBytes(directory.publish(2, checkpoint(2, 5, 6, 7, 8)));
        for (int place = 0; place < whole.length; place++) {
            byte[] altered = whole.clone();
            altered[place] ^= 0x10;
            Files.write(folder.resolve("step-000000002.safetensors"), altered);

            assertThat(directory.newest(PLAN)).as("byte %d", place).isEmpty();
        }
    }

    @Test
    void checkpointsOfAnotherPlanArePassedOver() {
        CheckpointDirectory directory = new CheckpointDirectory(folder, 2);
        directory.publish(2, checkpoint(2, 5, 6, 7, 8));

        assertThat(directory.newest("another")).isEmpty();
        assertThat(directory.newest(PLAN)).isPresent();
    }

    @Test
    void leftoversOfAKilledWriterAreIgnoredAndReplaced() throws IOException {
        CheckpointDirectory directory = new CheckpointDirectory(folder, 2);
        Path leftover = folder.resolve("step-000000003.safetensors.part");
        Files.writeString(leftover, "half");

        assertThat(directory.newest(PLAN)).isEmpty();
        directory.publish(3, checkpoint(3, 1, 1, 1, 1));

        assertThat(leftover).doesNotExist();
        assertThat(directory.newest(PLAN)).isPresent();
    }

    @Test
    void leftoversOfAKilledWriterAreGoneWhenTheNextOpensTheFolder() throws IOException {
        Path published = new CheckpointDirectory(folder, 2).publish(2, checkpoint(2, 5, 6, 7, 8));
        Path leftover =
                Files.writeString(folder.resolve("step-000000003.safetensors.part"), "half");

        CheckpointDirectory next = new CheckpointDirectory(folder, 2);

        assertThat(leftover).doesNotExist();
        assertThat(published).exists();
        assertThat(next.newest(PLAN)).isPresent();
    }

    @Test
    void aFolderThatCannotBeMadeIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "in the way");

        assertThatThrownBy(() -> new CheckpointDirectory(file.resolve("checkpoint"), 2))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("cannot make the checkpoint folder: file=")
                .extracting(e -> ((CheckpointException) e).reason())
                .isEqualTo(CheckpointException.Reason.UNWRITABLE);
    }

    private static Checkpoint checkpoint(long step, float... values) {
        return new Checkpoint(
                Map.of(Checkpoint.PLAN_SHA256, PLAN, Checkpoint.STEP, Long.toString(step)),
                Map.of("fc.weight", StoredTensor.of(List.of(2L, 2L), values)));
    }
}
