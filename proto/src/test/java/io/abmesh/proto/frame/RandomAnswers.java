package io.abmesh.proto.frame;

import com.google.protobuf.ByteString;
import com.google.protobuf.WireFormat;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorDescription;
import io.abmesh.proto.v1.TensorFrame;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Answers of a fetch in every wire form that protobuf allows: fields in any order, missing, more
 * than once, of later versions, with the wire type of another field, in more than one piece, and
 * with varints that are longer than they need be.
 */
final class RandomAnswers {
    private static final int MAX_VARINT_BYTES = 5;

    private final Random random;

    RandomAnswers(long seed) {
        this.random = new Random(seed);
    }

    /** An answer whose fields have arbitrary values. */
    ByteString next() {
        List<ByteString> fields = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            fields.add(delimited(FetchBatchResponse.FRAME_FIELD_NUMBER, frame()));
        }
        for (int i = random.nextInt(2); i > 0; i--) {
            fields.add(unknown());
        }
        return shuffled(fields);
    }

    /** The same message as protobuf's own encoder writes, in another wire form. */
    ByteString rewritten(TensorFrame frame) {
        List<ByteString> fields = new ArrayList<>();
        fields.add(delimited(TensorFrame.BATCH_ID_FIELD_NUMBER, frame.getBatchIdBytes()));
        fields.add(delimited(TensorFrame.TENSOR_FIELD_NUMBER, frame.getTensorBytes()));
        fields.add(number(TensorFrame.INDEX_FIELD_NUMBER, frame.getIndex()));
        fields.add(number(TensorFrame.COUNT_FIELD_NUMBER, frame.getCount()));
        fields.add(delimited(TensorFrame.PAYLOAD_FIELD_NUMBER, frame.getPayload()));
        fields.add(fixed32(TensorFrame.CRC32C_FIELD_NUMBER, frame.getCrc32C()));
        if (frame.hasDescription()) {
            fields.add(
                    delimited(
                            TensorFrame.DESCRIPTION_FIELD_NUMBER,
                            frame.getDescription().toByteString()));
        }
        fields.add(unknown());
        Collections.shuffle(fields, random);
        int middle = random.nextInt(fields.size());
        return delimited(
                        FetchBatchResponse.FRAME_FIELD_NUMBER,
                        ByteString.copyFrom(fields.subList(0, middle)))
                .concat(unknown())
                .concat(
                        delimited(
                                FetchBatchResponse.FRAME_FIELD_NUMBER,
                                ByteString.copyFrom(fields.subList(middle, fields.size()))));
    }

    private ByteString frame() {
        List<ByteString> fields = new ArrayList<>();
        for (int i = random.nextInt(10); i > 0; i--) {
            int field = 1 + random.nextInt(8);
            fields.add(
                    switch (field) {
                        case TensorFrame.BATCH_ID_FIELD_NUMBER, TensorFrame.TENSOR_FIELD_NUMBER ->
                                delimited(field, ByteString.copyFromUtf8("π" + random.nextInt()));
                        case TensorFrame.INDEX_FIELD_NUMBER, TensorFrame.COUNT_FIELD_NUMBER ->
                                number(field, random.nextInt());
                        case TensorFrame.PAYLOAD_FIELD_NUMBER -> delimited(field, bytes(600));
                        case TensorFrame.CRC32C_FIELD_NUMBER -> fixed32(field, random.nextInt());
                        case TensorFrame.DESCRIPTION_FIELD_NUMBER ->
                                delimited(field, description().toByteString());
                        default -> unknown();
                    });
        }
        return shuffled(fields);
    }

    private TensorDescription description() {
        TensorDescription.Builder description = TensorDescription.newBuilder();
        if (random.nextBoolean()) {
            description.setName("tap" + random.nextInt(10)).setSizeBytes(random.nextLong());
        }
        for (int i = random.nextInt(5); i > 0; i--) {
            description.addShape(random.nextInt(300));
        }
        return description.setEncodingValue(random.nextInt(Encoding.values().length + 3)).build();
    }

    /** A field of a later version, or a known number with a wire type that is not its own. */
    private ByteString unknown() {
        int field =
                random.nextBoolean() ? 100 + random.nextInt(1000) : TensorFrame.INDEX_FIELD_NUMBER;
        return switch (random.nextInt(4)) {
            case 0 -> number(100 + random.nextInt(100), random.nextInt());
            case 1 -> delimited(field, bytes(600));
            case 2 -> fixed32(field, random.nextInt());
            default ->
                    tag(field, WireFormat.WIRETYPE_START_GROUP)
                            .concat(number(1, random.nextInt()))
                            .concat(tag(field, WireFormat.WIRETYPE_END_GROUP));
        };
    }

    private ByteString shuffled(List<ByteString> fields) {
        Collections.shuffle(fields, random);
        return ByteString.copyFrom(fields);
    }

    private ByteString number(int field, int value) {
        return tag(field, WireFormat.WIRETYPE_VARINT).concat(varint(value));
    }

    private ByteString fixed32(int field, int value) {
        byte[] bytes = {
            (byte) value, (byte) (value >> 8), (byte) (value >> 16), (byte) (value >> 24)
        };
        return tag(field, WireFormat.WIRETYPE_FIXED32).concat(ByteString.copyFrom(bytes));
    }

    private ByteString delimited(int field, ByteString content) {
        return tag(field, WireFormat.WIRETYPE_LENGTH_DELIMITED)
                .concat(varint(content.size()))
                .concat(content);
    }

    private ByteString tag(int field, int wireType) {
        return varint((field << 3) | wireType);
    }

    /** As many bytes as needed, or more. */
    private ByteString varint(int value) {
        int needed = Math.max(1, (Integer.SIZE - Integer.numberOfLeadingZeros(value) + 6) / 7);
        int length = needed + random.nextInt(MAX_VARINT_BYTES - needed + 1);
        byte[] bytes = new byte[length];
        int rest = value;
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) ((rest & 0x7f) | (i < length - 1 ? 0x80 : 0));
            rest >>>= 7;
        }
        return ByteString.copyFrom(bytes);
    }

    private ByteString bytes(int max) {
        byte[] bytes = new byte[random.nextInt(max)];
        random.nextBytes(bytes);
        return ByteString.copyFrom(bytes);
    }
}
