package io.abmesh.student.run;

import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A task that a small network learns in a few steps: each class is a pattern with noise, and the
 * teacher fires by class and channel. Every batch is a pure function of its first sample's number.
 */
final class SyntheticTask {
    static final int SIDE = 8;
    static final int CLASSES = 4;

    /** Teacher taps of wrn-10-1 on 8x8 images, with other channel counts than the student's. */
    static final List<List<Long>> TAPS =
            List.of(List.of(12L, 8L, 8L), List.of(24L, 4L, 4L), List.of(48L, 2L, 2L));

    /** Teacher taps of mlp-16-12, numbered behind the others. */
    static final List<List<Long>> DENSE_TAPS = List.of(List.of(24L), List.of(12L));

    private SyntheticTask() {}

    static String tap(int index) {
        return "teacher" + (index + 1);
    }

    static List<FetchBatchResponse> frames(
            String batchId, long firstSample, int samples, List<String> tensors) {
        List<FetchBatchResponse> answer = new ArrayList<>();
        for (String tensor : tensors) {
            Iterator<TensorFrame> frames = tensor(batchId, tensor, firstSample, samples);
            while (frames.hasNext()) {
                answer.add(FetchBatchResponse.newBuilder().setFrame(frames.next()).build());
            }
        }
        return answer;
    }

    private static Iterator<TensorFrame> tensor(
            String batchId, String name, long firstSample, int samples) {
        return switch (name) {
            case "image" ->
                    split(
                            batchId,
                            name,
                            List.of((long) samples, 1L, (long) SIDE, (long) SIDE),
                            Encoding.ENCODING_UINT8,
                            images(firstSample, samples));
            case "label" ->
                    split(
                            batchId,
                            name,
                            List.of((long) samples),
                            Encoding.ENCODING_INT32,
                            labels(firstSample, samples));
            case "logits" ->
                    split(
                            batchId,
                            name,
                            List.of((long) samples, (long) CLASSES),
                            Encoding.ENCODING_FLOAT32,
                            logits(firstSample, samples));
            default -> bits(batchId, name, firstSample, samples);
        };
    }

    private static Iterator<TensorFrame> bits(
            String batchId, String name, long firstSample, int samples) {
        int index = name.charAt(name.length() - 1) - '1';
        List<Long> sample =
                index < TAPS.size() ? TAPS.get(index) : DENSE_TAPS.get(index - TAPS.size());
        List<Long> shape = new ArrayList<>(sample);
        shape.add(0, (long) samples);
        int channels = Math.toIntExact(sample.get(0));
        int positions =
                Math.toIntExact(sample.stream().skip(1).reduce(1L, (rows, more) -> rows * more));
        ByteBuffer bits = ByteBuffer.allocate((samples * channels * positions + 7) / 8);
        int bit = 0;
        for (int number = 0; number < samples; number++) {
            int label = label(firstSample + number);
            for (int channel = 0; channel < channels; channel++) {
                boolean fires = ((channel >> (label % 3)) & 1) == label % 2;
                for (int position = 0; position < positions; position++, bit++) {
                    if (fires) {
                        bits.put(bit / 8, (byte) (bits.get(bit / 8) | (1 << (bit % 8))));
                    }
                }
            }
        }
        return split(batchId, name, shape, Encoding.ENCODING_SIGN_BITS, bits);
    }

    private static ByteBuffer images(long firstSample, int samples) {
        ByteBuffer images = ByteBuffer.allocate(samples * SIDE * SIDE);
        for (int sample = 0; sample < samples; sample++) {
            int label = label(firstSample + sample);
            SplittableRandom noise = new SplittableRandom(firstSample + sample);
            for (int row = 0; row < SIDE; row++) {
                for (int column = 0; column < SIDE; column++) {
                    int along = (label & 1) == 0 ? row : column;
                    boolean bright = along % 4 < 1 + (label >> 1);
                    images.put((byte) ((bright ? 180 : 40) + noise.nextInt(60)));
                }
            }
        }
        return images.flip();
    }

    private static ByteBuffer labels(long firstSample, int samples) {
        ByteBuffer labels = littleEndian(samples);
        for (int sample = 0; sample < samples; sample++) {
            labels.putInt(label(firstSample + sample));
        }
        return labels.flip();
    }

    private static ByteBuffer logits(long firstSample, int samples) {
        ByteBuffer logits = littleEndian(samples * CLASSES);
        for (int sample = 0; sample < samples; sample++) {
            for (int i = 0; i < CLASSES; i++) {
                logits.putFloat(i == label(firstSample + sample) ? 6 : 0);
            }
        }
        return logits.flip();
    }

    private static int label(long sample) {
        return new SplittableRandom(sample * 31 + 7).nextInt(CLASSES);
    }

    private static ByteBuffer littleEndian(int elements) {
        return ByteBuffer.allocate(4 * elements).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static Iterator<TensorFrame> split(
            String batchId, String name, List<Long> shape, Encoding encoding, ByteBuffer bytes) {
        return TensorFrames.split(batchId, TensorFrames.describe(name, shape, encoding), bytes);
    }
}
