package io.abmesh.proto.frame;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.internal.CompositeReadableBuffer;
import io.grpc.internal.ReadableBuffers;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FrameReaderTest {
    private static final String BATCH = "run/7/3";
    private static final int MIB = 1 << 20;
    private static final byte UNTOUCHED = 0x55;

    /** How gRPC may hand a message over. */
    private enum Source {
        /** As of netty: pieces of direct memory. */
        SHOWN,
        /** Pieces that are only read. */
        MARKED,
        /** As of a decompressor, or of the same process: no way back, and short reads. */
        FORWARD;

        InputStream open(ByteString message) {
            return switch (this) {
                case SHOWN -> shown(message);
                case MARKED -> marked(message);
                case FORWARD -> forward(message);
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void readsWhatProtobufReads(Source source) throws Exception {
        RandomAnswers answers = new RandomAnswers(1);
        for (int i = 0; i < 2_000; i++) {
            assertReadAsByProtobuf(source, answers.next());
        }
    }

    @ParameterizedTest
    @EnumSource
    void refusesOfDamagedAnswersWhatProtobufRefuses(Source source) throws Exception {
        RandomAnswers answers = new RandomAnswers(2);
        Random random = new Random(3);
        int refused = 0;
        for (int i = 0; i < 5_000; i++) {
            byte[] bytes = answers.next().toByteArray();
            int length = bytes.length == 0 ? 0 : random.nextInt(bytes.length + 1);
            for (int flips = random.nextInt(3); flips > 0 && length > 0; flips--) {
                bytes[random.nextInt(length)] ^= (byte) (1 << random.nextInt(8));
            }
            if (!assertReadAsByProtobuf(source, ByteString.copyFrom(bytes, 0, length))) {
                refused++;
            }
        }
        assertThat(refused).isBetween(1_000, 4_500);
    }

    @ParameterizedTest
    @EnumSource
    void placesPayloadsWhereTheyBelongAndWritesNothingElse(Source source) {
        byte[] image = random(2 * MIB + 7);
        byte[] label = random(5);
        Memory memory = new Memory(image.length + label.length);
        TensorAssembler assembler =
                new TensorAssembler(BATCH, image.length + label.length, memory::take);
        FrameReader reader = new FrameReader(BATCH, assembler);
        RandomAnswers answers = new RandomAnswers(4);

        for (TensorFrame frame : frames("image", image)) {
            reader.parse(source.open(answer(frame)));
        }
        for (TensorFrame frame : frames("label", label)) {
            TensorFrame read = reader.parse(source.open(answers.rewritten(frame)));
            assertThat(read).isEqualTo(frame.toBuilder().clearPayload().build());
        }

        assembler.requireComplete();
        assertThat(bytesOf(assembler.tensors().get("image"))).isEqualTo(image);
        assertThat(bytesOf(assembler.tensors().get("label"))).isEqualTo(label);
        memory.requireUntouchedAround();
    }

    @ParameterizedTest
    @EnumSource
    void refusesACorruptPayload(Source source) {
        TensorFrame frame = frames("image", random(40_000)).get(0);
        byte[] payload = frame.getPayload().toByteArray();
        payload[39_999] ^= 1;
        FrameReader reader = new FrameReader(BATCH, new TensorAssembler(BATCH, 40_000));
        TensorFrame corrupt = frame.toBuilder().setPayload(ByteString.copyFrom(payload)).build();

        MeshException refusal = refused(() -> reader.parse(source.open(answer(corrupt))));

        assertThat(refusal.reason()).isEqualTo(ErrorReason.CHECKSUM_MISMATCH);
        assertThat(refusal)
                .hasMessageStartingWith(
                        "frame is corrupt: batch=run/7/3, tensor=image, frame=0 of 1, expected"
                                + " crc32c=");
    }

    @Test
    void writesNothingOfAFrameWhoseTurnItIsNot() {
        List<TensorFrame> frames = frames("image", random(3 * MIB));

        assertThat(refusedAfterTheFirst(frames.get(0), frames.get(2)))
                .isEqualTo(ErrorReason.FRAME_OUT_OF_ORDER);
    }

    @Test
    void writesNothingOfAFrameThatIsTooLong() {
        List<TensorFrame> frames = frames("image", random(2 * MIB));
        ByteString payload = ByteString.copyFrom(random(MIB + 1));

        assertThat(
                        refusedAfterTheFirst(
                                frames.get(0),
                                frames.get(1).toBuilder().setPayload(payload).build()))
                .isEqualTo(ErrorReason.MESSAGE_TOO_LARGE);
    }

    @Test
    void writesNothingOfAFrameThatGoesBeyondItsTensor() {
        List<TensorFrame> frames = frames("image", random(MIB + 10));
        ByteString payload = ByteString.copyFrom(random(11));

        assertThat(
                        refusedAfterTheFirst(
                                frames.get(0),
                                frames.get(1).toBuilder().setPayload(payload).build()))
                .isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
    }

    private static ErrorReason refusedAfterTheFirst(TensorFrame first, TensorFrame bad) {
        int size = Math.toIntExact(first.getDescription().getSizeBytes());
        Memory memory = new Memory(size);
        FrameReader reader = new FrameReader(BATCH, new TensorAssembler(BATCH, size, memory::take));
        reader.parse(shown(answer(first)));

        MeshException refusal = refused(() -> reader.parse(shown(answer(bad))));

        memory.requireUntouchedFrom(MIB);
        return refusal.reason();
    }

    @ParameterizedTest
    @EnumSource
    void namesAnAnswerThatIsNoFrame(Source source) {
        ByteString answer = answer(frames("image", random(1_000)).get(0));
        FrameReader reader = new FrameReader(BATCH, new TensorAssembler(BATCH, 1_000));

        MeshException refusal = refused(() -> reader.parse(source.open(answer.substring(0, 600))));

        assertThat(refusal.reason()).isEqualTo(ErrorReason.CHECKSUM_MISMATCH);
        assertThat(refusal).hasMessageStartingWith("answer is no frame: batch=run/7/3, cause=");
    }

    @Test
    void anAnswerWithoutAFrameIsOfNoBatch() {
        FrameReader reader = new FrameReader(BATCH, new TensorAssembler(BATCH, 1_000));

        assertThatThrownBy(() -> reader.parse(InputStream.nullInputStream()))
                .isInstanceOf(MeshException.class)
                .hasMessageStartingWith("frame is of another batch: batch=,");
    }

    /** Returns whether the answer could be read. */
    private static boolean assertReadAsByProtobuf(Source source, ByteString answer)
            throws IOException {
        TensorFrame expected;
        try {
            expected = FetchBatchResponse.parseFrom(answer).getFrame();
        } catch (InvalidProtocolBufferException e) {
            assertThatThrownBy(() -> FrameFields.read(source.open(answer)))
                    .isInstanceOf(InvalidProtocolBufferException.class);
            return false;
        }
        FrameFields fields = FrameFields.read(source.open(answer));
        assertThat(fields.frame())
                .isEqualTo(
                        expected.toBuilder()
                                .clearPayload()
                                .setUnknownFields(UnknownFieldSet.getDefaultInstance())
                                .build());
        int start = fields.payloadStart();
        assertThat(answer.substring(start, start + fields.payloadBytes()))
                .isEqualTo(expected.getPayload());
        return true;
    }

    private static MeshException refused(
            org.assertj.core.api.ThrowableAssert.ThrowingCallable read) {
        MeshException refusal = catchThrowableOfType(MeshException.class, read);
        assertThat(refusal).isNotNull();
        return refusal;
    }

    private static ByteString answer(TensorFrame frame) {
        return FetchBatchResponse.newBuilder().setFrame(frame).build().toByteString();
    }

    private static List<TensorFrame> frames(String name, byte[] bytes) {
        List<TensorFrame> frames = new ArrayList<>();
        TensorFrames.split(
                        BATCH,
                        TensorFrames.describe(
                                name, List.of((long) bytes.length), Encoding.ENCODING_UINT8),
                        ByteBuffer.wrap(bytes))
                .forEachRemaining(frames::add);
        return frames;
    }

    private static InputStream shown(ByteString message) {
        CompositeReadableBuffer pieces = new CompositeReadableBuffer();
        for (ByteString piece : pieces(message)) {
            ByteBuffer direct = ByteBuffer.allocateDirect(piece.size());
            piece.copyTo(direct);
            pieces.addBuffer(ReadableBuffers.wrap(direct.flip()));
        }
        return ReadableBuffers.openStream(pieces, true);
    }

    private static InputStream marked(ByteString message) {
        CompositeReadableBuffer pieces = new CompositeReadableBuffer();
        for (ByteString piece : pieces(message)) {
            pieces.addBuffer(ReadableBuffers.wrap(piece.toByteArray()));
        }
        return ReadableBuffers.openStream(pieces, true);
    }

    private static InputStream forward(ByteString message) {
        InputStream all = InputStream.nullInputStream();
        for (ByteString piece : pieces(message)) {
            all = new SequenceInputStream(all, piece.newInput());
        }
        return all;
    }

    /** Cuts a message at random places; some pieces are empty. */
    private static List<ByteString> pieces(ByteString message) {
        Random random = new Random(message.size());
        List<ByteString> pieces = new ArrayList<>();
        int start = 0;
        while (start < message.size()) {
            int most = Math.min(message.size() - start, 1 + random.nextInt(message.size()));
            int end = start + random.nextInt(most + 1);
            pieces.add(message.substring(start, end));
            start = end;
        }
        return pieces;
    }

    private static byte[] bytesOf(Tensor tensor) {
        byte[] bytes = new byte[tensor.bytes().remaining()];
        tensor.bytes().get(bytes);
        return bytes;
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    /** Memory of tensors, with bytes before and behind that are no tensor's. */
    private static final class Memory {
        private static final int AROUND = 64;

        private final ByteBuffer bytes;

        Memory(int size) {
            bytes = ByteBuffer.allocateDirect(AROUND + size + AROUND);
            while (bytes.hasRemaining()) {
                bytes.put(UNTOUCHED);
            }
            bytes.position(AROUND);
        }

        ByteBuffer take(int size) {
            ByteBuffer piece = bytes.duplicate();
            bytes.position(bytes.position() + size);
            return piece;
        }

        void requireUntouchedAround() {
            for (int i = 0; i < AROUND; i++) {
                assertThat(bytes.get(i)).isEqualTo(UNTOUCHED);
            }
            requireUntouchedFrom(bytes.capacity() - AROUND - AROUND);
        }

        void requireUntouchedFrom(int offset) {
            byte[] rest = new byte[bytes.capacity() - AROUND - offset];
            bytes.get(AROUND + offset, rest);
            assertThat(rest).containsOnly(UNTOUCHED);
        }
    }
}
