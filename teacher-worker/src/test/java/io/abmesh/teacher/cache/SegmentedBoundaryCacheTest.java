package io.abmesh.teacher.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SegmentedBoundaryCacheTest {
    private static final long MIB = 1 << 20;
    private static final TensorContext CONTEXT = TensorContext.of(List.of("model", "tap"));

    @TempDir Path folder;

    @Test
    void returnsWhatWasPutAndNothingElse() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            put(cache, values(0, 100, 50));

            for (int i = 0; i < 100; i++) {
                assertThat(cache.get(key(i))).isEqualTo(value(i, 50));
            }
            assertThat(cache.get(key(100))).isNull();
            assertThat(cache.get(new CacheKey(CONTEXT, 3, 1))).isNull();
            assertThat(cache.get(new CacheKey(TensorContext.of(List.of("modeltap")), 3, 0)))
                    .isNull();
        }
    }

    @Test
    void findsEverythingAgainAfterARestart() throws IOException {
        try (SegmentedBoundaryCache cache = open(8 * MIB)) {
            put(cache, values(0, 2000, 700));
        }
        try (SegmentedBoundaryCache cache = open(8 * MIB)) {
            assertThat(cache.entryCount()).isEqualTo(2000);
            for (int i = 0; i < 2000; i++) {
                assertThat(cache.get(key(i))).isEqualTo(value(i, 700));
            }
        }
    }

    @Test
    void staysWithinItsBoundOnDiskAndForgetsWhatWasUsedLeastRecently() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            int first = 60; // fits one segment
            put(cache, values(0, first, 1000));
            for (int i = first; i < 5000; i += 50) {
                put(cache, values(i, i + 50, 1000));
                assertThat(cache.get(key(0))).isNotNull();
                assertThat(cache.sizeBytes()).isLessThanOrEqualTo(MIB);
                assertThat(bytesOnDisk()).isLessThanOrEqualTo(MIB);
            }

            assertThat(cache.get(key(4999))).isNotNull();
            assertThat(cache.get(key(100))).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void survivesAKillAtAnyMomentOfAWrite(long seed) throws IOException {
        int count = 40;
        try (SegmentedBoundaryCache cache = open(MIB)) {
            put(cache, values(0, count, 300));
        }
        Path segment = segments().get(0);
        int record = Segment.HEADER_BYTES + 300;
        long cut = new SplittableRandom(seed).nextLong(Files.size(segment));
        truncate(segment, cut);

        try (SegmentedBoundaryCache cache = open(MIB)) {
            int whole = (int) (cut / record);
            assertThat(cache.entryCount()).isEqualTo(whole);
            for (int i = 0; i < count; i++) {
                assertThat(cache.get(key(i))).isEqualTo(i < whole ? value(i, 300) : null);
            }
            // What comes next is written where the torn record was.
            put(cache, values(500, 510, 300));
            assertThat(cache.get(key(505))).isEqualTo(value(505, 300));
        }
        try (SegmentedBoundaryCache cache = open(MIB)) {
            assertThat(cache.get(key(505))).isEqualTo(value(505, 300));
        }
    }

    @Test
    void neverReturnsADamagedValue() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            put(cache, values(0, 3, 300));
        }
        overwrite(segments().get(0), Segment.HEADER_BYTES + 300 + Segment.HEADER_BYTES + 7);

        try (SegmentedBoundaryCache cache = open(MIB)) {
            assertThat(cache.get(key(0))).isEqualTo(value(0, 300));
            assertThat(cache.get(key(1))).isNull();
            assertThat(cache.get(key(2))).isEqualTo(value(2, 300));
        }
    }

    @Test
    void stopsAtADamagedHeaderAndKeepsWhatCameBefore() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            put(cache, values(0, 3, 300));
        }
        overwrite(segments().get(0), Segment.HEADER_BYTES + 300 + 5);

        try (SegmentedBoundaryCache cache = open(MIB)) {
            assertThat(cache.entryCount()).isEqualTo(1);
            assertThat(cache.get(key(0))).isEqualTo(value(0, 300));
        }
    }

    @Test
    void secondUserOfTheFolderGetsNone() throws IOException {
        try (SegmentedBoundaryCache first = open(MIB)) {
            assertThat(SegmentedBoundaryCache.open(folder, MIB)).isEmpty();
            assertThat(first.entryCount()).isZero();
        }
        try (SegmentedBoundaryCache again = open(MIB)) {
            assertThat(again.entryCount()).isZero();
        }
    }

    @Test
    void keepsServingWhenTheDiskIsFull() throws IOException {
        int room = 10 * (Segment.HEADER_BYTES + 300) + 100;
        try (SegmentedBoundaryCache cache =
                SegmentedBoundaryCache.open(folder, MIB, path -> new FullDisk(path, room))
                        .orElseThrow()) {
            put(cache, values(0, 10, 300));
            put(cache, values(10, 20, 300));
            put(cache, values(20, 30, 300));

            for (int i = 0; i < 30; i++) {
                assertThat(cache.get(key(i))).isEqualTo(i < 10 ? value(i, 300) : null);
            }
        }
        // The torn end does no harm later.
        try (SegmentedBoundaryCache cache = open(MIB)) {
            assertThat(cache.entryCount()).isEqualTo(10);
        }
    }

    @Test
    void leavesOutAValueLargerThanASegment() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            put(
                    cache,
                    List.of(Map.entry(key(0), new byte[200_000]), Map.entry(key(1), value(1, 10))));

            assertThat(cache.get(key(0))).isNull();
            assertThat(cache.get(key(1))).isEqualTo(value(1, 10));
        }
    }

    @Test
    void largeValuesOfADataSetThatDoesNotFitServeEveryEpochInPart() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            List<Integer> hits = new ArrayList<>();
            for (int epoch = 0; epoch < 3; epoch++) {
                int found = 0;
                for (int i = 0; i < 150; i++) {
                    if (cache.get(key(i)) == null) {
                        cache.putAll(values(i, i + 1, 10_000), Admission.UNUSED);
                    } else {
                        found++;
                    }
                }
                hits.add(found);
            }

            assertThat(hits.get(0)).isZero();
            assertThat(hits.get(1)).isBetween(80, 104).isEqualTo(hits.get(2));
            assertThat(bytesOnDisk()).isLessThanOrEqualTo(MIB);
        }
    }

    @Test
    void largeValuesPushOutWhatAnEarlierProcessLeftButNothingThatIsInUse() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            put(cache, values(0, 100, 10_000));
        }
        try (SegmentedBoundaryCache cache = open(MIB)) {
            assertThat(cache.get(key(0))).isNotNull();

            cache.putAll(values(200, 300, 10_000), Admission.UNUSED);

            assertThat(cache.get(key(0))).isNotNull();
            assertThat(cache.get(key(20))).isNull();
            assertThat(cache.get(key(200))).isNotNull();
            assertThat(cache.get(key(299))).isNull();
            assertThat(bytesOnDisk()).isLessThanOrEqualTo(MIB);
        }
    }

    @Test
    void smallValuesPushOutLargeOnes() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            cache.putAll(values(0, 150, 10_000), Admission.UNUSED);

            put(cache, values(200, 210, 10_000));

            assertThat(cache.get(key(0))).isNull();
            assertThat(cache.get(key(209))).isNotNull();
        }
    }

    @Test
    void whatIsThereIsNotWrittenAgain() throws IOException {
        try (SegmentedBoundaryCache cache = open(MIB)) {
            put(cache, values(0, 10, 300));
            long before = cache.sizeBytes();

            put(cache, values(5, 15, 300));

            assertThat(cache.entryCount()).isEqualTo(15);
            assertThat(cache.sizeBytes()).isEqualTo(before * 3 / 2).isEqualTo(bytesOnDisk());
        }
    }

    private static void put(
            SegmentedBoundaryCache cache, List<Map.Entry<CacheKey, byte[]>> values) {
        cache.putAll(values, Admission.LEAST_RECENT);
    }

    private SegmentedBoundaryCache open(long maxBytes) throws IOException {
        return SegmentedBoundaryCache.open(folder, maxBytes).orElseThrow();
    }

    private List<Path> segments() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".bin")).sorted().toList();
        }
    }

    private long bytesOnDisk() throws IOException {
        long bytes = 0;
        for (Path segment : segments()) {
            bytes += Files.size(segment);
        }
        return bytes;
    }

    private static void truncate(Path file, long size) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(size);
        }
    }

    private static void overwrite(Path file, long position) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[(int) position] ^= 0x10;
        Files.write(file, bytes);
    }

    private static CacheKey key(long sample) {
        return new CacheKey(CONTEXT, sample, 0);
    }

    private static byte[] value(int sample, int length) {
        byte[] value = new byte[length];
        new SplittableRandom(sample).nextBytes(value);
        return value;
    }

    private static List<Map.Entry<CacheKey, byte[]>> values(int from, int to, int length) {
        List<Map.Entry<CacheKey, byte[]>> values = new ArrayList<>();
        for (int i = from; i < to; i++) {
            values.add(Map.entry(key(i), value(i, length)));
        }
        return values;
    }

    /** A file on a disk with little room: a write fails in the middle, as the system's does. */
    private static final class FullDisk implements SegmentFile {
        private final SegmentFile file;
        private final long room;

        FullDisk(Path path, long room) throws IOException {
            this.file = SegmentFile.open(path);
            this.room = room;
        }

        @Override
        public void read(ByteBuffer target, long position) throws IOException {
            file.read(target, position);
        }

        @Override
        public void write(ByteBuffer source, long position) throws IOException {
            int fits = (int) Math.min(source.remaining(), room - position);
            file.write(source.slice(source.position(), fits), position);
            if (fits < source.remaining()) {
                throw new IOException("No space left on device");
            }
        }

        @Override
        public long size() throws IOException {
            return file.size();
        }

        @Override
        public void truncate(long size) throws IOException {
            file.truncate(size);
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
