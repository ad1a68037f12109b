package io.abmesh.nn.teacher;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Inference in ONNX Runtime, which writes its outputs straight into the session's result buffers.
 */
final class OnnxTeacherSession implements TeacherSession {
    private final OrtEnvironment environment;
    private final OrtSession session;
    private final String input;
    private final List<String> labels;
    private final List<TapCandidate> taps;
    private final List<String> outputs;
    private final List<List<Long>> sampleShapes;
    private final boolean logits;
    private final List<Long> imageShape;
    private final int fixedBatch;
    private final int chunkSize;
    private final Consumer<OnnxTeacherSession> onClose;
    private final PixelInput pixels;
    private final ResultBuffers results;
    private final FloatBuffer inputs;
    private final @Nullable ResultBuffers scratch;
    private boolean closed;

    /**
     * @param session taken
     * @param shapes of one sample of each tensor that the request names
     * @param fixedBatch batch size that the model insists on, 0 if it takes any
     */
    OnnxTeacherSession(
            OrtEnvironment environment,
            OrtSession session,
            String input,
            SessionRequest request,
            Map<String, List<Long>> shapes,
            int fixedBatch,
            int chunkSize,
            Consumer<OnnxTeacherSession> onClose) {
        this.environment = environment;
        this.session = session;
        this.input = input;
        this.labels = request.labels();
        this.taps = request.taps(shapes);
        this.outputs = request.tensors();
        this.sampleShapes = request.sampleShapes(shapes);
        this.logits = request.logits().isPresent();
        this.imageShape = request.imageShape();
        this.fixedBatch = fixedBatch;
        this.chunkSize = fixedBatch > 0 ? fixedBatch : chunkSize;
        this.onClose = onClose;
        this.pixels = new PixelInput(imageShape);
        this.results = new ResultBuffers(sampleShapes);
        this.inputs = PixelInput.floats(Math.multiplyExact(this.chunkSize, pixels.imageElements()));
        this.scratch = fixedBatch > 1 ? new ResultBuffers(sampleShapes) : null;
        if (scratch != null) {
            scratch.reserve(fixedBatch);
        }
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
        for (int from = 0; from < count; from += chunkSize) {
            int to = Math.min(count, from + chunkSize);
            pixels.write(images, from, to, normalization, inputs);
            if (scratch != null && to - from < fixedBatch) {
                run(scratch, 0, fixedBatch);
                for (int i = 0; i < outputs.size(); i++) {
                    results.rows(i, from, to).put(scratch.rows(i, 0, to - from));
                }
            } else {
                run(results, from, to);
            }
            for (int i = 0; i < outputs.size(); i++) {
                FiniteCheck.check(
                        labels.get(i), results.rows(i, from, to), results.rowElements(i), from);
            }
        }
        return results.result(count, logits);
    }

    private void run(ResultBuffers target, int from, int to) {
        long[] shape = {to - from, imageShape.get(0), imageShape.get(1), imageShape.get(2)};
        int elements = Math.multiplyExact(to - from, pixels.imageElements());
        Map<String, OnnxTensor> pinned = new LinkedHashMap<>();
        try (OnnxTensor images =
                OnnxTensor.createTensor(
                        environment, inputs.duplicate().clear().limit(elements), shape)) {
            Map<String, Integer> first = new HashMap<>();
            for (int i = 0; i < outputs.size(); i++) {
                if (first.putIfAbsent(outputs.get(i), i) == null) {
                    pinned.put(
                            outputs.get(i),
                            OnnxTensor.createTensor(
                                    environment,
                                    target.rows(i, from, to).asFloatBuffer(),
                                    batchShape(i, to - from)));
                }
            }
            session.run(Map.of(input, images), pinned).close();
            for (int i = 0; i < outputs.size(); i++) {
                int source = first.getOrDefault(outputs.get(i), i);
                if (source != i) {
                    target.rows(i, from, to).put(target.rows(source, from, to));
                }
            }
        } catch (OrtException e) {
            throw new TeacherException(
                    TeacherException.Reason.TEACHER_FAILED,
                    "ONNX Runtime failed: " + OnnxRuntimeSessions.oneLine(e),
                    e);
        } finally {
            pinned.values().forEach(OnnxTensor::close);
        }
    }

    private long[] batchShape(int tensor, int rows) {
        List<Long> sample = sampleShapes.get(tensor);
        long[] shape = new long[sample.size() + 1];
        shape[0] = rows;
        for (int i = 0; i < sample.size(); i++) {
            shape[i + 1] = sample.get(i);
        }
        return shape;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        onClose.accept(this);
        results.release();
        try {
            session.close();
        } catch (OrtException e) {
            throw new TeacherException(
                    TeacherException.Reason.TEACHER_FAILED,
                    "ONNX Runtime failed to close: " + OnnxRuntimeSessions.oneLine(e),
                    e);
        }
    }
}
