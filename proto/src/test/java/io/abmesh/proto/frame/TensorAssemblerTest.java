package io.abmesh.proto.frame;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import com.google.protobuf.ByteString;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.TensorDescription;
import io.abmesh.proto.v1.TensorFrame;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TensorAssemblerTest {
    private static final String BATCH = "run/7/3";
    private static final int MIB = 1 << 20;

    @ParameterizedTest
    @ValueSource(ints = {1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5})
    void putsTogetherWhatWasCut(int size) {
        byte[] bytes = random(size);
        List<TensorFrame> frames = frames("image", bytes);

        TensorAssembler assembler = new TensorAssembler(BATCH, size);
        Optional<Tensor> tensor = Optional.empty();
        for (TensorFrame frame : frames) {
            assertThat(tensor).isEmpty();
            assertThat(frame.getPayload().size()).isBetween(1, MIB);
            tensor = assembler.add(reparsed(frame));
        }

        assembler.requireComplete();
        assertThat(bytesOf(tensor.orElseThrow())).isEqualTo(bytes);
        assertThat(tensor.orElseThrow().bytes().isDirect()).isTrue();
        assertThat(frames).hasSize((size + MIB - 1) / MIB);
    }

    @Test
    void keepsSeveralTensorsOfABatchInTheirOrder() {
        TensorAssembler assembler = new TensorAssembler(BATCH, 100);
        frames("image", random(60)).forEach(assembler::add);
        frames("label", random(40)).forEach(assembler::add);

        assertThat(assembler.tensors().keySet()).containsExactly("image", "label");
    }

    @Test
    void splitsWithoutACopyAndLeavesThePositionAlone() {
        ByteBuffer bytes = ByteBuffer.allocateDirect(10).position(2);
        TensorDescription description =
                TensorFrames.describe("a", List.of(8L), Encoding.ENCODING_UINT8);

        TensorFrame frame = TensorFrames.split(BATCH, description, bytes).next();
        bytes.put(2, (byte) 42);

        assertThat(frame.getPayload().byteAt(0)).isEqualTo((byte) 42);
        assertThat(bytes.position()).isEqualTo(2);
    }

    @Test
    void acceptsSmallerFramesThanOurs() {
        byte[] bytes = random(10);
        TensorDescription description = description("a", 10);
        TensorAssembler assembler = new TensorAssembler(BATCH, 10);
        assembler.add(frame("a", 0, 3, bytes, 0, 4).setDescription(description).build());
        assembler.add(frame("a", 1, 3, bytes, 4, 8).build());

        Optional<Tensor> tensor = assembler.add(frame("a", 2, 3, bytes, 8, 10).build());

        assertThat(bytesOf(tensor.orElseThrow())).isEqualTo(bytes);
    }

    @Test
    void refusesAMissingFrame() {
        List<TensorFrame> frames = frames("image", random(3 * MIB));
        TensorAssembler assembler = new TensorAssembler(BATCH, 3 * MIB);
        assembler.add(frames.get(0));

        refused(assembler, frames.get(2), ErrorReason.FRAME_OUT_OF_ORDER)
                .hasMessage(
                        "frames are missing before this one: batch=run/7/3, tensor=image, frame=2 of"
                                + " 3, expected=index 1");
    }

    @Test
    void refusesADuplicatedFrame() {
        List<TensorFrame> frames = frames("image", random(3 * MIB));
        TensorAssembler assembler = new TensorAssembler(BATCH, 3 * MIB);
        assembler.add(frames.get(0));
        assembler.add(frames.get(1));

        refused(assembler, frames.get(1), ErrorReason.FRAME_OUT_OF_ORDER)
                .hasMessage(
                        "frame came before: batch=run/7/3, tensor=image, frame=1 of 3,"
                                + " expected=index 2");
    }

    @Test
    void refusesATensorThatCameBefore() {
        TensorAssembler assembler = new TensorAssembler(BATCH, 100);
        TensorFrame frame = frames("image", random(10)).get(0);
        assembler.add(frame);

        refused(assembler, frame, ErrorReason.FRAME_OUT_OF_ORDER)
                .hasMessageStartingWith("frame is of a tensor that is complete:");
    }

    @Test
    void refusesATensorThatBeginsInTheMiddle() {
        refused(
                        new TensorAssembler(BATCH, 3 * MIB),
                        frames("image", random(2 * MIB)).get(1),
                        ErrorReason.FRAME_OUT_OF_ORDER)
                .hasMessageStartingWith("frame is not the first of its tensor:");
    }

    @Test
    void refusesInterleavedTensors() {
        TensorAssembler assembler = new TensorAssembler(BATCH, 4 * MIB);
        assembler.add(frames("image", random(2 * MIB)).get(0));

        refused(assembler, frames("label", random(4)).get(0), ErrorReason.FRAME_OUT_OF_ORDER)
                .hasMessageStartingWith("frame is of another tensor:");
    }

    @Test
    void refusesAFrameOfAnotherBatch() {
        TensorFrame frame =
                frames("image", random(4)).get(0).toBuilder().setBatchId("run/7/4").build();

        refused(new TensorAssembler(BATCH, 10), frame, ErrorReason.FRAME_OUT_OF_ORDER)
                .hasMessageStartingWith("frame is of another batch: batch=run/7/4");
    }

    @Test
    void refusesACorruptFrame() {
        TensorFrame frame = frames("image", random(10)).get(0);
        byte[] payload = frame.getPayload().toByteArray();
        payload[3] ^= 1;

        refused(
                        new TensorAssembler(BATCH, 10),
                        frame.toBuilder().setPayload(ByteString.copyFrom(payload)).build(),
                        ErrorReason.CHECKSUM_MISMATCH)
                .hasMessageStartingWith(
                        "frame is corrupt: batch=run/7/3, tensor=image, frame=0 of 1, expected"
                                + " crc32c=");
    }

    @Test
    void refusesAShortFrame() {
        byte[] bytes = random(10);
        TensorFrame frame =
                frame("image", 0, 1, bytes, 0, 9).setDescription(description("image", 10)).build();

        refused(new TensorAssembler(BATCH, 10), frame, ErrorReason.TENSOR_SIZE_MISMATCH)
                .hasMessage(
                        "last frame does not end the tensor: batch=run/7/3, tensor=image, frame=0 of"
                                + " 1, expected=10, found=9");
    }

    @Test
    void refusesAFrameThatIsLongerThanItsTensor() {
        byte[] bytes = random(11);
        TensorFrame frame =
                frame("image", 0, 1, bytes, 0, 11).setDescription(description("image", 10)).build();

        refused(new TensorAssembler(BATCH, 20), frame, ErrorReason.TENSOR_SIZE_MISMATCH);
    }

    @Test
    void refusesAnEmptyFrame() {
        TensorFrame frame =
                frame("image", 0, 2, new byte[0], 0, 0)
                        .setDescription(description("image", 10))
                        .build();

        refused(new TensorAssembler(BATCH, 10), frame, ErrorReason.TENSOR_SIZE_MISMATCH)
                .hasMessageStartingWith("frame is empty:");
    }

    @Test
    void refusesADescriptionWhoseSizeIsNotThatOfItsShape() {
        TensorFrame good = frames("image", random(10)).get(0);
        TensorFrame bad =
                good.toBuilder()
                        .setDescription(good.getDescription().toBuilder().setSizeBytes(11))
                        .build();

        refused(new TensorAssembler(BATCH, 100), bad, ErrorReason.TENSOR_SIZE_MISMATCH)
                .hasMessageContaining("expected=10, found=11");
    }

    @Test
    void refusesAFrameCountThatTheSizeCannotHave() {
        TensorFrame frame = frames("image", random(10)).get(0);

        refused(
                new TensorAssembler(BATCH, 100),
                frame.toBuilder().setCount(0).build(),
                ErrorReason.TENSOR_SIZE_MISMATCH);
        refused(
                new TensorAssembler(BATCH, 100),
                frame.toBuilder().setCount(11).build(),
                ErrorReason.TENSOR_SIZE_MISMATCH);
    }

    @Test
    void refusesAFirstFrameWithoutADescription() {
        TensorFrame frame =
                frames("image", random(10)).get(0).toBuilder().clearDescription().build();

        refused(new TensorAssembler(BATCH, 100), frame, ErrorReason.TENSOR_SIZE_MISMATCH)
                .hasMessage(
                        "first frame does not describe its tensor: tensor=image, described=nothing");
    }

    @Test
    void refusesABatchOverItsBoundBeforeItAllocates() {
        AtomicInteger allocations = new AtomicInteger();
        TensorAssembler assembler =
                new TensorAssembler(
                        BATCH,
                        15,
                        size -> {
                            allocations.incrementAndGet();
                            return ByteBuffer.allocate(size);
                        });
        assembler.add(frames("image", random(10)).get(0));

        refused(assembler, frames("label", random(6)).get(0), ErrorReason.MESSAGE_TOO_LARGE)
                .hasMessage(
                        "tensor exceeds the bound of its batch: tensor=label, found=6 bytes,"
                                + " expected at most=5");
        assertThat(allocations).hasValue(1);
    }

    @Test
    void refusesAPromiseOfAHugeTensor() {
        List<Long> shape = List.of(1L << 40, 1L << 40);
        TensorFrame frame =
                frame("image", 0, 1, random(4), 0, 4)
                        .setDescription(
                                TensorDescription.newBuilder()
                                        .setName("image")
                                        .addAllShape(shape)
                                        .setEncoding(Encoding.ENCODING_UINT8)
                                        .setSizeBytes(4))
                        .build();

        refused(new TensorAssembler(BATCH, 100), frame, ErrorReason.TENSOR_SIZE_MISMATCH)
                .hasMessageStartingWith("too many elements:");
    }

    @Test
    void refusesAPayloadOverTheLimit() {
        byte[] bytes = random(MIB + 1);
        TensorFrame frame =
                frame("image", 0, 2, bytes, 0, MIB + 1)
                        .setDescription(description("image", MIB + 2))
                        .build();

        refused(new TensorAssembler(BATCH, 2 * MIB), frame, ErrorReason.MESSAGE_TOO_LARGE)
                .hasMessageStartingWith("frame is too long:");
    }

    @Test
    void namesWhatIsMissingAtTheEnd() {
        TensorAssembler assembler = new TensorAssembler(BATCH, 3 * MIB);
        assembler.add(frames("image", random(3 * MIB)).get(0));

        assertThatThrownBy(assembler::requireComplete)
                .asInstanceOf(type(MeshException.class))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(ErrorReason.FRAME_OUT_OF_ORDER))
                .asInstanceOf(type(MeshException.class))
                .extracting(MeshException::getMessage)
                .isEqualTo(
                        "frames are missing at the end: batch=run/7/3, tensor=image, expected=3"
                                + " frames, found=1");
    }

    private static AbstractThrowableAssert<?, MeshException> refused(
            TensorAssembler assembler, TensorFrame frame, ErrorReason reason) {
        MeshException refusal =
                org.assertj.core.api.Assertions.catchThrowableOfType(
                        MeshException.class, () -> assembler.add(frame));
        assertThat(refusal).isNotNull();
        assertThat(refusal.reason()).isEqualTo(reason);
        return assertThat(refusal);
    }

    private static List<TensorFrame> frames(String name, byte[] bytes) {
        List<TensorFrame> frames = new ArrayList<>();
        TensorFrames.split(BATCH, description(name, bytes.length), ByteBuffer.wrap(bytes))
                .forEachRemaining(frames::add);
        return frames;
    }

    private static TensorDescription description(String name, long size) {
        return TensorFrames.describe(name, List.of(size), Encoding.ENCODING_UINT8);
    }

    private static TensorFrame.Builder frame(
            String name, int index, int count, byte[] bytes, int from, int to) {
        ByteString payload = ByteString.copyFrom(bytes, from, to - from);
        return TensorFrame.newBuilder()
                .setBatchId(BATCH)
                .setTensor(name)
                .setIndex(index)
                .setCount(count)
                .setPayload(payload)
                .setCrc32C(TensorFrames.crc32c(payload.asReadOnlyByteBuffer()));
    }

    private static TensorFrame reparsed(TensorFrame frame) {
        try {
            return TensorFrame.parseFrom(frame.toByteArray());
        } catch (com.google.protobuf.InvalidProtocolBufferException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] bytesOf(Tensor tensor) {
        byte[] bytes = new byte[tensor.bytes().remaining()];
        tensor.bytes().get(bytes);
        return bytes;
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new SplittableRandom(size).nextBytes(bytes);
        return bytes;
    }
}
