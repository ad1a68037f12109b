package io.abmesh.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.StepCommitted;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalTest {
    @TempDir Path folder;

    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("events.journal");
    }

    @Test
    void eventsAreNumberedAndReadAgain() throws IOException {
        try (Journal journal = Journal.open(file)) {
            assertThat(journal.append(step(7), false).getNumber()).isEqualTo(0);
            assertThat(journal.append(step(8), true).getNumber()).isEqualTo(1);
        }
        try (Journal journal = Journal.open(file)) {
            assertThat(steps(journal)).containsExactly(7L, 8L);
            assertThat(journal.append(step(9), false).getNumber()).isEqualTo(2);
            assertThat(journal.read(2).getNumber()).isEqualTo(2);
        }
    }

    @Test
    void thousandsOfEventsAreFoundByNumber() throws IOException {
        try (Journal journal = Journal.open(file)) {
            for (int i = 0; i < 3000; i++) {
                journal.append(step(i), false);
            }
            assertThat(journal.read(2999).getStepCommitted().getStep()).isEqualTo(2999);
            assertThat(journal.read(1024).getStepCommitted().getStep()).isEqualTo(1024);
            assertThatThrownBy(() -> journal.read(3000))
                    .hasMessage("event: found=3000, expected=[0, 3000)");
        }
    }

    @Test
    void aForcedEventIsOnTheDiskBeforeItCounts() throws IOException {
        TestingChannel channel = channel();
        try (Journal journal = Journal.open(channel, file)) {
            channel.done.clear();
            journal.append(step(1), false);
            assertThat(channel.done).containsExactly("write");

            channel.done.clear();
            journal.append(step(2), true);
            assertThat(channel.done).containsExactly("write", "force");
        }
        assertThat(channel.done).endsWith("force");
    }

    @Test
    void anEventThatFindsNoRoomLeavesTheJournalAsItWas() throws IOException {
        TestingChannel channel = channel();
        try (Journal journal = Journal.open(channel, file)) {
            journal.append(step(1), true);
            channel.room(5);
            assertThatThrownBy(() -> journal.append(step(2), true))
                    .isInstanceOf(IOException.class)
                    .hasMessage("No space left on device");
            assertThat(journal.count()).isEqualTo(1);

            channel.room(Long.MAX_VALUE);
            journal.append(step(3), true);
            assertThat(steps(journal)).containsExactly(1L, 3L);
        }
        try (Journal journal = Journal.open(file)) {
            assertThat(steps(journal)).containsExactly(1L, 3L);
        }
    }

    @Test
    void anEventThatWouldNotBeFoundAgainIsRefused() throws IOException {
        try (Journal journal = Journal.open(file)) {
            journal.append(step(1), true);
            RunEvent.Builder longest =
                    RunEvent.newBuilder()
                            .setNotice(
                                    Notice.newBuilder().setMessage("x".repeat(Journal.MAX_RECORD)));
            assertThatThrownBy(() -> journal.append(longest, true))
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith("event is too long: found=")
                    .hasMessageEndingWith(" bytes, expected=at most 1048576");
            journal.append(step(2), true);
        }
        try (Journal journal = Journal.open(file)) {
            assertThat(steps(journal)).containsExactly(1L, 2L);
        }
    }

    @Test
    void aTailThatIsCutShortAnywhereIsDroppedAndWrittenOver() throws IOException {
        byte[] whole = written(1, 2, 3);
        int start = starts(whole).get(2);
        for (int length = start; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            try (Journal journal = Journal.open(file)) {
                assertThat(steps(journal)).as("of %d bytes", length).containsExactly(1L, 2L);
                journal.append(step(4), true);
            }
            try (Journal journal = Journal.open(file)) {
                assertThat(steps(journal)).containsExactly(1L, 2L, 4L);
            }
        }
    }

    @Test
    void aLastRecordThatIsAlteredIsDropped() throws IOException {
        byte[] whole = written(1, 2, 3);
        whole[whole.length - 1] ^= 1;
        Files.write(file, whole);

        try (Journal journal = Journal.open(file)) {
            assertThat(steps(journal)).containsExactly(1L, 2L);
        }
    }

    @Test
    void zerosBehindTheLastRecordAreDropped() throws IOException {
        byte[] whole = written(1, 2);
        Files.write(file, Arrays.copyOf(whole, whole.length + 4096));

        try (Journal journal = Journal.open(file)) {
            assertThat(steps(journal)).containsExactly(1L, 2L);
        }
        assertThat(file).hasBinaryContent(whole);
    }

    @Test
    void aDamagedRecordBeforeTheLastIsRefusedAndTheFileLeftAlone() throws IOException {
        byte[] whole = written(1, 2, 3);
        List<Integer> starts = starts(whole);
        for (int at = starts.get(1); at < starts.get(2); at++) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 0x40;
            Files.write(file, damaged);

            assertThatThrownBy(() -> Journal.open(file))
                    .as("byte %d", at)
                    .isInstanceOfSatisfying(
                            MeshException.class,
                            e -> assertThat(e.reason()).isEqualTo(ErrorReason.JOURNAL_CORRUPT))
                    .hasMessageStartingWith(
                            "journal is damaged before its end: file="
                                    + file
                                    + ", found=no record at byte "
                                    + starts.get(1)
                                    + " but one at byte "
                                    + starts.get(2));
            assertThat(file).hasBinaryContent(damaged);
        }
    }

    private byte[] written(long... steps) throws IOException {
        try (Journal journal = Journal.open(file)) {
            for (long step : steps) {
                journal.append(step(step), false);
            }
        }
        return Files.readAllBytes(file);
    }

    /** Offsets of records, by the lengths that they begin with. */
    private static List<Integer> starts(byte[] journal) {
        List<Integer> starts = new ArrayList<>();
        for (int at = 0; at < journal.length; at += 8 + journal[at + 3]) {
            starts.add(at);
        }
        return starts;
    }

    private TestingChannel channel() throws IOException {
        return new TestingChannel(
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE));
    }

    private static List<Long> steps(Journal journal) throws IOException {
        List<Long> steps = new ArrayList<>();
        for (int i = 0; i < journal.count(); i++) {
            steps.add(journal.read(i).getStepCommitted().getStep());
        }
        return steps;
    }

    private static RunEvent.Builder step(long step) {
        return RunEvent.newBuilder()
                .setStepCommitted(StepCommitted.newBuilder().setStep(step).setLoss(0.5));
    }
}
