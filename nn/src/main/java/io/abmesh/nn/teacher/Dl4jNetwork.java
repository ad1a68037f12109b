package io.abmesh.nn.teacher;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.concurrency.AffinityManager.Location;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A DL4J network that gives the outputs of some vertices. Images and outputs are {@code [N, C, H,
 * W]} outside, whatever the network has inside.
 *
 * <p>Not thread-safe. Owns its parameters; every array of a pass is freed at its end.
 */
final class Dl4jNetwork implements AutoCloseable {
    private final ComputationGraph network;
    private final List<String> tensors;
    private final List<Long> imageShape;
    private final boolean flatInput;
    private final boolean channelsLast;

    /**
     * @param tensors vertices whose outputs are wanted; doubles are computed once
     */
    Dl4jNetwork(Dl4jTapGraph graph, Dl4jModel model, List<String> tensors, List<Long> imageShape) {
        this.tensors = List.copyOf(new LinkedHashSet<>(tensors));
        this.imageShape = List.copyOf(imageShape);
        this.flatInput = model.flatInput();
        this.channelsLast = model.channelsLast();
        try {
            this.network = graph.networkOf(this.tensors);
        } catch (RuntimeException e) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNSUPPORTED,
                    "DL4J does not take the model: " + Dl4jModelReader.oneLine(e),
                    e);
        }
    }

    /** Takes one output of a pass; the values are valid until it returns. */
    @FunctionalInterface
    interface Receiver {
        void accept(String tensor, List<Long> sampleShape, FloatBuffer values);
    }

    /**
     * Returns the sample shape of each tensor that has one row per image, found with a black image.
     *
     * @throws TeacherException with {@link TeacherException.Reason#MODEL_UNSUPPORTED} if the
     *     network does not run at this size
     */
    Map<String, List<Long>> sampleShapes() {
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        try {
            run(1, pixels -> {}, (tensor, shape, values) -> shapes.put(tensor, shape));
        } catch (TeacherException e) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNSUPPORTED,
                    "DL4J cannot run the model on one image: shape="
                            + imageShape
                            + ", "
                            + e.getMessage(),
                    e);
        }
        return shapes;
    }

    /**
     * Runs images.
     *
     * @param count how many, at least 1
     * @param images writes {@code [count, C, H, W]} from the start of a buffer
     * @param receiver gets each tensor with one row per image once, in {@code [N, C, H, W]} or
     *     {@code [N, D]}
     * @throws TeacherException with {@link TeacherException.Reason#TEACHER_FAILED}
     */
    void run(int count, Consumer<FloatBuffer> images, Receiver receiver) {
        long[] shape = {count, imageShape.get(0), imageShape.get(1), imageShape.get(2)};
        INDArray[] outputs = {};
        try (INDArray pixels = Nd4j.create(DataType.FLOAT, shape, 'c')) {
            images.accept(pixels.data().asNioFloat());
            // ND4J does not see writes to the buffer, and on a GPU it would read its own copy.
            Nd4j.getAffinityManager().tagLocation(pixels, Location.HOST);
            try (INDArray input = inLayout(pixels)) {
                outputs = network.output(false, input);
            }
            for (int i = 0; i < outputs.length; i++) {
                if (outputs[i].rank() > 1 && outputs[i].size(0) == count) {
                    give(tensors.get(i), outputs[i], receiver);
                }
            }
        } catch (TeacherException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new TeacherException(
                    TeacherException.Reason.TEACHER_FAILED,
                    "DL4J failed: " + Dl4jModelReader.oneLine(e),
                    e);
        } finally {
            for (INDArray output : outputs) {
                free(output);
            }
        }
    }

    /** A copy, since the network may overwrite or free what it is given. */
    private INDArray inLayout(INDArray pixels) {
        if (flatInput) {
            return pixels.dup('c').reshape(pixels.size(0), -1); // [N, C * H * W]
        }
        return channelsLast
                ? pixels.permute(0, 2, 3, 1).dup('c') // [N, H, W, C]
                : pixels.dup('c'); // [N, C, H, W]
    }

    private void give(String tensor, INDArray output, Receiver receiver) {
        INDArray view =
                channelsLast && output.rank() == 4
                        ? output.permute(0, 3, 1, 2) // [N, C, H, W]
                        : output;
        try (INDArray rows = view.dup('c')) {
            List<Long> sample =
                    new ArrayList<>(Arrays.stream(rows.shape()).skip(1).boxed().toList());
            FloatBuffer values = rows.data().asNioFloat();
            receiver.accept(tensor, sample, values.limit(Math.toIntExact(rows.length())));
        }
    }

    private static void free(INDArray array) {
        if (array != null && array.closeable()) {
            array.close();
        }
    }

    /** Frees the parameters. */
    @Override
    public void close() {
        network.close();
    }
}
