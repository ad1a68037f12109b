package io.abmesh.teacher.batch;

import io.abmesh.nn.teacher.FloatTensor;
import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.teacher.TeacherException;
import io.abmesh.nn.teacher.TeacherResult;
import io.abmesh.nn.teacher.TeacherSession;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.teacher.cache.Admission;
import io.abmesh.teacher.cache.BoundaryCache;
import io.abmesh.teacher.cache.CacheKey;
import io.abmesh.teacher.cache.TensorContext;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Computes the outputs of batches with one session of the model. Samples whose every output the
 * cache knows take no forward pass; the others run together, at most a chunk at a time, which
 * bounds the float32 values in memory. Not thread-safe.
 *
 * <p>A batch is cached when it names its data set. {@code SIGN_BITS} and logits push out of a full
 * cache what was used least recently; floats of a tap, sixteen times as large and more, take the
 * room that is left ({@link Admission}).
 */
public final class BatchComputer implements AutoCloseable {
    /** Name of the logits, as an output and on the wire. */
    public static final String LOGITS = "logits";

    private final TeacherSession session;
    private final List<Output> outputs;
    private final int tapCount;
    private final @Nullable PixelNormalization normalization;
    private final BoundaryCache cache;
    private final int chunkSize;
    private final Admission admission;

    /**
     * Takes a session.
     *
     * @param session taken: closed with this
     * @param outputs first the session's taps in its order, then {@link #LOGITS} if it has them
     * @param chunkSize samples of one forward pass at most
     */
    public BatchComputer(
            TeacherSession session,
            List<Output> outputs,
            @Nullable PixelNormalization normalization,
            BoundaryCache cache,
            int chunkSize) {
        this.session = session;
        this.outputs = List.copyOf(outputs);
        this.tapCount = session.taps().size();
        this.normalization = normalization;
        this.cache = cache;
        this.chunkSize = chunkSize;
        boolean small =
                outputs.stream()
                        .allMatch(
                                output ->
                                        output.name().equals(LOGITS)
                                                || output.encoding()
                                                        == Encoding.ENCODING_SIGN_BITS);
        this.admission = small ? Admission.LEAST_RECENT : Admission.UNUSED;
    }

    /**
     * Computes a batch. The result lies on the heap and is the caller's.
     *
     * @throws MeshException TEACHER_NOT_FINITE, TENSOR_SIZE_MISMATCH or TEACHER_FAILED
     */
    public ComputedBatch compute(BatchInput input) {
        boolean cached = !input.datasetSha256().isEmpty();
        List<TensorContext> contexts = new ArrayList<>();
        List<OutputBuilder> builders = new ArrayList<>();
        for (Output output : outputs) {
            contexts.add(output.context(input.datasetSha256()));
            builders.add(new OutputBuilder(output, input.count()));
        }
        List<Integer> missing = new ArrayList<>();
        for (int i = 0; i < input.count(); i++) {
            if (!cached || !putCached(input, i, contexts, builders)) {
                missing.add(i);
            }
        }
        long nanos = 0;
        for (int from = 0; from < missing.size(); from += chunkSize) {
            List<Integer> chunk = missing.subList(from, Math.min(missing.size(), from + chunkSize));
            nanos += forward(input, chunk, cached ? contexts : List.of(), builders);
        }
        List<Tensor> tensors = new ArrayList<>();
        tensors.add(input.image());
        if (input.label() != null) {
            tensors.add(input.label());
        }
        List<Tensor> built = builders.stream().map(OutputBuilder::build).toList();
        tensors.addAll(built);
        return new ComputedBatch(
                tensors,
                input.count() - missing.size(),
                missing.size(),
                Duration.ofNanos(nanos),
                input.firings()
                        ? built.subList(0, tapCount).stream().map(Firings::of).toList()
                        : List.of(),
                correct(input.label(), built));
    }

    private OptionalInt correct(@Nullable Tensor label, List<Tensor> built) {
        return label == null || built.size() == tapCount
                ? OptionalInt.empty()
                : OptionalInt.of(Answers.correct(built.get(tapCount), label));
    }

    private boolean putCached(
            BatchInput input, int row, List<TensorContext> contexts, List<OutputBuilder> builders) {
        List<byte[]> values = new ArrayList<>(builders.size());
        for (int o = 0; o < builders.size(); o++) {
            byte[] value = cache.get(key(contexts.get(o), input, row));
            if (value == null || !builders.get(o).fits(value)) {
                return false;
            }
            values.add(value);
        }
        for (int o = 0; o < builders.size(); o++) {
            builders.get(o).put(row, values.get(o));
        }
        return true;
    }

    /** Runs the model on some rows; returns the time that it took, in nanoseconds. */
    private long forward(
            BatchInput input,
            List<Integer> rows,
            List<TensorContext> contexts,
            List<OutputBuilder> builders) {
        ByteBuffer images = gather(input, rows);
        long start = System.nanoTime();
        TeacherResult result;
        try {
            result = session.infer(images, rows.size(), normalization);
        } catch (TeacherException e) {
            throw TeacherFailures.ofBatch(e, input, rows);
        }
        final long nanos = System.nanoTime() - start;
        List<FloatTensor> results = new ArrayList<>(result.taps());
        if (result.logits() != null) {
            results.add(result.logits());
        }
        // Sample by sample: of a cache that fills up, whole samples are of use.
        for (int i = 0; i < rows.size(); i++) {
            int row = rows.get(i);
            List<Map.Entry<CacheKey, byte[]>> values = new ArrayList<>();
            for (int o = 0; o < outputs.size(); o++) {
                byte[] value = builders.get(o).encode(results.get(o).slice(i, i + 1));
                builders.get(o).put(row, value);
                if (!contexts.isEmpty()) {
                    values.add(Map.entry(key(contexts.get(o), input, row), value));
                }
            }
            cache.putAll(values, admission);
        }
        return nanos;
    }

    /** Images of the rows, one after the other; a view if they follow each other in the batch. */
    private static ByteBuffer gather(BatchInput input, List<Integer> rows) {
        ByteBuffer all = input.image().bytes();
        int imageBytes = all.remaining() / input.count();
        int first = rows.get(0);
        int last = rows.get(rows.size() - 1);
        if (last - first == rows.size() - 1) {
            return all.slice(first * imageBytes, rows.size() * imageBytes);
        }
        ByteBuffer some = ByteBuffer.allocate(rows.size() * imageBytes);
        for (int row : rows) {
            some.put(all.slice(row * imageBytes, imageBytes));
        }
        return some.flip();
    }

    private static CacheKey key(TensorContext context, BatchInput input, int row) {
        return new CacheKey(context, input.sampleIds().get(row), input.augmentationIds().get(row));
    }

    /** Frees the session's native memory. */
    @Override
    public void close() {
        session.close();
    }
}
