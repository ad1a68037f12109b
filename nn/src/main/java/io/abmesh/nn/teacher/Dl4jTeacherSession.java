package io.abmesh.nn.teacher;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Inference in DL4J. */
final class Dl4jTeacherSession implements TeacherSession {
    private final Dl4jNetwork network;
    private final List<String> labels;
    private final List<TapCandidate> taps;
    private final List<String> outputs;
    private final boolean logits;
    private final int chunkSize;
    private final Consumer<Dl4jTeacherSession> onClose;
    private final PixelInput pixels;
    private final ResultBuffers results;
    private boolean closed;

    /**
     * @param network taken
     * @param sources what the caller calls the taps
     * @param outputs vertex per tap, then that of the logits if wanted; two taps may share one
     */
    Dl4jTeacherSession(
            Dl4jNetwork network,
            List<String> sources,
            List<TapCandidate> taps,
            List<String> outputs,
            List<List<Long>> sampleShapes,
            boolean logits,
            List<Long> imageShape,
            int chunkSize,
            Consumer<Dl4jTeacherSession> onClose) {
        this.network = network;
        List<String> names = new ArrayList<>(sources);
        if (logits) {
            names.add("logits");
        }
        this.labels = List.copyOf(names);
        this.taps = List.copyOf(taps);
        this.outputs = List.copyOf(outputs);
        this.logits = logits;
        this.chunkSize = chunkSize;
        this.onClose = onClose;
        this.pixels = new PixelInput(imageShape);
        this.results = new ResultBuffers(sampleShapes);
    }

    @Override
    public List<TapCandidate> taps() {
        return taps;
    }

    @Override
    public int classCount() {
        return logits ? results.rowElements(results.tensorCount() - 1) : 0;
    }

    @Override
    public long resultBytesPerImage() {
        return results.bytesPerSample();
    }

    @Override
    public TeacherResult infer(
            ByteBuffer images, int count, @Nullable PixelNormalization normalization) {
        if (closed) {
            throw new IllegalStateException("session is closed");
        }
        pixels.check(images, count, normalization);
        results.reserve(count);
        for (int start = 0; start < count; start += chunkSize) {
            int from = start;
            int to = Math.min(count, from + chunkSize);
            network.run(
                    to - from,
                    input -> pixels.write(images, from, to, normalization, input),
                    (tensor, shape, values) -> {
                        for (int i = 0; i < outputs.size(); i++) {
                            if (outputs.get(i).equals(tensor)) {
                                results.rows(i, from, to).asFloatBuffer().put(values.duplicate());
                            }
                        }
                    });
            for (int i = 0; i < outputs.size(); i++) {
                FiniteCheck.check(
                        labels.get(i), results.rows(i, from, to), results.rowElements(i), from);
            }
        }
        return results.result(count, logits);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        onClose.accept(this);
        results.release();
        network.close();
    }
}
