package io.abmesh.nn.teacher;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
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
     * @param shapes of one sample of each tensor that the request names
     */
    Dl4jTeacherSession(
            Dl4jNetwork network,
            SessionRequest request,
            Map<String, List<Long>> shapes,
            int chunkSize,
            Consumer<Dl4jTeacherSession> onClose) {
        this.network = network;
        this.labels = request.labels();
        this.taps = request.taps(shapes);
        this.outputs = request.tensors();
        this.logits = request.logits().isPresent();
        this.chunkSize = chunkSize;
        this.onClose = onClose;
        this.pixels = new PixelInput(request.imageShape());
        this.results = new ResultBuffers(request.sampleShapes(shapes));
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
