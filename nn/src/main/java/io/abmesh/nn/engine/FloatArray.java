package io.abmesh.nn.engine;

import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.concurrency.AffinityManager.Location;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * A {@code float32} array in native memory, seen as an {@link INDArray} by ND4J's operators and as
 * a buffer by the host kernels. Owned by whoever made it, who closes it; views ({@link #slice})
 * share the memory and are not closed.
 *
 * <p>On a GPU, ND4J keeps two copies of the memory and takes the device's for the newest until it
 * is told otherwise. Everything here reads and writes the host's, so an operator gets an array only
 * by {@link #toRead} or {@link #toWrite}, and what it wrote is there after {@link #fetch}. On a CPU
 * there is one copy and the three cost nothing.
 */
final class FloatArray implements AutoCloseable {
    private final INDArray array;
    private final FloatBuffer floats;
    private final FloatPointer start;
    private final boolean owned;

    private FloatArray(INDArray array, FloatBuffer floats, FloatPointer start, boolean owned) {
        this.array = array;
        this.floats = floats;
        this.start = start;
        this.owned = owned;
    }

    /** Makes an array of zeros. */
    static FloatArray zeros(long... shape) {
        INDArray array = Nd4j.createUninitialized(DataType.FLOAT, shape, 'c');
        array.setCloseable(true);
        FloatBuffer floats =
                array.data()
                        .pointer()
                        .asByteBuffer()
                        .order(ByteOrder.nativeOrder())
                        .asFloatBuffer();
        FloatArray zeros =
                new FloatArray(array, floats, new FloatPointer(array.data().pointer()), true);
        zeros.fill(0f);
        return zeros;
    }

    /**
     * Returns the elements {@code [from, from + product(shape))} of this flat array in another
     * shape.
     */
    FloatArray slice(int from, long... shape) {
        int count = 1;
        for (long size : shape) {
            count = Math.toIntExact(count * size);
        }
        INDArray view =
                Nd4j.create(
                        array.data(),
                        shape,
                        Nd4j.getStrides(shape, 'c'),
                        from,
                        'c',
                        DataType.FLOAT);
        return new FloatArray(view, floats.slice(from, count), start.getPointer(from), false);
    }

    /** Returns the ND4J view for an operator that reads it; borrowed. */
    INDArray toRead() {
        Nd4j.getAffinityManager().tagLocation(array, Location.HOST);
        return array;
    }

    /**
     * Returns the ND4J view for an operator that writes all of it; borrowed. ND4J moves whole
     * buffers, so what lies beside a slice goes to the device with it and comes back as it was.
     */
    INDArray toWrite() {
        if (!owned) {
            Nd4j.getAffinityManager().tagLocation(array, Location.HOST);
            Nd4j.getAffinityManager().ensureLocation(array, Location.DEVICE);
        }
        return array;
    }

    /** Takes over what an operator wrote. */
    void fetch() {
        Nd4j.getAffinityManager().ensureLocation(array, Location.HOST);
    }

    /** Returns the memory; absolute access only, so that threads can share it. */
    FloatBuffer floats() {
        return floats;
    }

    /** Returns the address; borrowed. */
    FloatPointer pointer() {
        return start;
    }

    /** Returns the number of elements. */
    int length() {
        return floats.capacity();
    }

    void fill(float value) {
        float[] block = new float[Math.min(length(), HostKernels.BLOCK)];
        Arrays.fill(block, value);
        for (int at = 0; at < length(); at += block.length) {
            floats.put(at, block, 0, Math.min(block.length, length() - at));
        }
    }

    void set(float[] values) {
        if (values.length != length()) {
            throw new IllegalArgumentException(
                    "array size: found=" + values.length + ", expected=" + length());
        }
        floats.put(0, values);
    }

    float[] copy() {
        float[] values = new float[length()];
        floats.get(0, values);
        return values;
    }

    void copyFrom(FloatArray source) {
        floats.put(0, source.floats, 0, length());
    }

    @Override
    public void close() {
        if (owned) {
            array.close();
        }
    }
}
