package io.abmesh.teacher.stream;

import io.abmesh.nn.teacher.FloatTensor;
import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.teacher.TapCandidate;
import io.abmesh.nn.teacher.TeacherDescription;
import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.nn.teacher.TeacherException;
import io.abmesh.nn.teacher.TeacherResult;
import io.abmesh.nn.teacher.TeacherSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A model of grey images that anyone can compute: tap {@code a} is {@code pixel - 100} per pixel,
 * tap {@code b} has three values, the first pixel minus 50, 100 and 150, the logits are the first
 * two pixels. A first pixel of 255 is a NaN, one of 254 a failure.
 */
final class TestingTeacherEngine implements TeacherEngine {
    static final String SHA256 = "ab".repeat(32);
    static final int NOT_FINITE = 255;
    static final int FAILS = 254;

    /** Height of images that there is no memory for. */
    static final long SHORT_OF_MEMORY = 1024;

    final AtomicInteger inferred = new AtomicInteger();
    final AtomicInteger largestChunk = new AtomicInteger();
    final AtomicInteger openSessions = new AtomicInteger();
    final AtomicInteger madeSessions = new AtomicInteger();

    @Override
    public TeacherDescription describe() {
        return new TeacherDescription(
                SHA256,
                "testing.onnx",
                "onnxruntime",
                "input",
                List.of(-1L, 1L, -1L, -1L),
                List.of(
                        new TapCandidate("a", "a.in", "Relu", List.of()),
                        new TapCandidate("b", "b.in", "Relu", List.of(3L))),
                List.of("a"),
                2,
                false,
                Map.of());
    }

    @Override
    public TeacherDescription describe(List<Long> imageShape) {
        requireMemoryAndFit(imageShape);
        TeacherDescription model = describe();
        return new TeacherDescription(
                model.modelSha256(),
                model.modelName(),
                model.engine(),
                model.input(),
                model.inputShape(),
                List.of(new TapCandidate("a", "a.in", "Relu", imageShape), model.taps().get(1)),
                List.of("a", "b"),
                model.classCount(),
                model.rawPixels(),
                model.metadata());
    }

    private static void requireMemoryAndFit(List<Long> imageShape) {
        if (imageShape.get(1) == SHORT_OF_MEMORY) {
            throw new OutOfMemoryError("testing");
        }
        if (imageShape.get(0) != 1) {
            throw new TeacherException(
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH, "model takes grey images");
        }
    }

    @Override
    public TapCandidate resolve(String source) {
        return describe().taps().stream()
                .filter(tap -> tap.name().equals(source) || tap.tensor().equals(source))
                .findFirst()
                .orElseThrow(
                        () ->
                                new TeacherException(
                                        TeacherException.Reason.TAP_NOT_FOUND,
                                        "no such tap: found=" + source));
    }

    @Override
    public TeacherSession open(List<String> sources, boolean logits, List<Long> imageShape) {
        requireMemoryAndFit(imageShape);
        List<TapCandidate> taps = new ArrayList<>();
        for (String source : sources) {
            TapCandidate tap = resolve(source);
            taps.add(
                    tap.name().equals("a")
                            ? new TapCandidate("a", "a.in", "Relu", imageShape)
                            : tap);
        }
        openSessions.incrementAndGet();
        madeSessions.incrementAndGet();
        return new Session(taps, logits, imageShape);
    }

    @Override
    public void close() {}

    private final class Session implements TeacherSession {
        private final List<TapCandidate> taps;
        private final boolean logits;
        private final List<Long> imageShape;

        Session(List<TapCandidate> taps, boolean logits, List<Long> imageShape) {
            this.taps = taps;
            this.logits = logits;
            this.imageShape = imageShape;
        }

        @Override
        public List<TapCandidate> taps() {
            return taps;
        }

        @Override
        public int classCount() {
            return logits ? 2 : 0;
        }

        @Override
        public long resultBytesPerImage() {
            return 0;
        }

        @Override
        public TeacherResult infer(
                ByteBuffer images, int count, @Nullable PixelNormalization normalization) {
            inferred.addAndGet(count);
            largestChunk.accumulateAndGet(count, Math::max);
            int size = images.remaining() / count;
            for (int i = 0; i < count; i++) {
                int first = images.get(images.position() + i * size) & 0xff;
                if (first == NOT_FINITE) {
                    throw new TeacherException(
                            TeacherException.Reason.TEACHER_NOT_FINITE,
                            "not finite",
                            Map.of("tap", "a", "sample", Integer.toString(i), "value", "NaN"),
                            null);
                }
                if (first == FAILS) {
                    throw new TeacherException(
                            TeacherException.Reason.TEACHER_FAILED, "engine failed");
                }
            }
            float mean = normalization == null ? 0 : normalization.mean().get(0);
            float std = normalization == null ? 1 : normalization.std().get(0);
            List<FloatTensor> results = new ArrayList<>();
            for (TapCandidate tap : taps) {
                results.add(result(tap, images, count, size, mean, std));
            }
            return new TeacherResult(results, logits ? logits(images, count, size) : null);
        }

        private FloatTensor result(
                TapCandidate tap, ByteBuffer images, int count, int size, float mean, float std) {
            boolean a = tap.name().equals("a");
            int elements = a ? size : 3;
            ByteBuffer floats =
                    ByteBuffer.allocate(4 * count * elements).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < count; i++) {
                for (int e = 0; e < elements; e++) {
                    int pixel = images.get(images.position() + i * size + (a ? e : 0)) & 0xff;
                    floats.putFloat((pixel - mean) / std - (a ? 100 : 50 * (e + 1)));
                }
            }
            List<Long> shape = new ArrayList<>(List.of((long) count));
            shape.addAll(a ? imageShape : List.of(3L));
            return new FloatTensor(shape, floats.flip());
        }

        private FloatTensor logits(ByteBuffer images, int count, int size) {
            ByteBuffer floats = ByteBuffer.allocate(8 * count).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < count; i++) {
                floats.putFloat(images.get(images.position() + i * size) & 0xff);
                floats.putFloat(images.get(images.position() + i * size + 1) & 0xff);
            }
            return new FloatTensor(List.of((long) count, 2L), floats.flip());
        }

        @Override
        public void close() {
            openSessions.decrementAndGet();
        }
    }
}
