package io.abmesh.proto.frame;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.ExtensionRegistryLite;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import java.io.IOException;
import java.io.InputStream;

/**
 * What an answer of a fetch says apart from its payload, and where the payload is.
 *
 * <pre>
 * FetchBatchResponse  1 frame
 * TensorFrame         1 batch_id  2 tensor  3 index  4 count  5 payload  6 crc32c  7 description
 * </pre>
 *
 * <p>Read as protobuf reads it: fields in any order, of fields that come twice the last, messages
 * that come twice merged, unknown fields passed over.
 *
 * @param frame the frame without its payload
 * @param payloadStart where the payload begins, in bytes from the beginning of the message
 * @param payloadBytes length of the payload; 0 if there is none
 */
record FrameFields(TensorFrame frame, int payloadStart, int payloadBytes) {
    private static final int FRAME = delimited(FetchBatchResponse.FRAME_FIELD_NUMBER);
    private static final int BATCH_ID = delimited(TensorFrame.BATCH_ID_FIELD_NUMBER);
    private static final int TENSOR = delimited(TensorFrame.TENSOR_FIELD_NUMBER);
    private static final int INDEX = varint(TensorFrame.INDEX_FIELD_NUMBER);
    private static final int COUNT = varint(TensorFrame.COUNT_FIELD_NUMBER);
    private static final int PAYLOAD = delimited(TensorFrame.PAYLOAD_FIELD_NUMBER);
    private static final int CRC32C = fixed32(TensorFrame.CRC32C_FIELD_NUMBER);
    private static final int DESCRIPTION = delimited(TensorFrame.DESCRIPTION_FIELD_NUMBER);

    /** Read at a time: most frames have less beside their payload, which is skipped, not read. */
    private static final int BUFFER_BYTES = 256;

    /**
     * Reads a message to its end.
     *
     * @throws InvalidProtocolBufferException if the bytes are no message
     */
    static FrameFields read(InputStream message) throws IOException {
        CodedInputStream in = CodedInputStream.newInstance(message, BUFFER_BYTES);
        Scan scan = new Scan(in);
        for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
            if (tag == FRAME) {
                scan.frame();
            } else {
                skip(in, tag);
            }
        }
        return new FrameFields(scan.frame.build(), scan.payloadStart, scan.payloadBytes);
    }

    private static void skip(CodedInputStream in, int tag) throws IOException {
        if (!in.skipField(tag)) {
            throw new InvalidProtocolBufferException("a group ends that has not begun");
        }
    }

    private static int varint(int field) {
        return (field << 3) | WireFormat.WIRETYPE_VARINT;
    }

    private static int fixed32(int field) {
        return (field << 3) | WireFormat.WIRETYPE_FIXED32;
    }

    private static int delimited(int field) {
        return (field << 3) | WireFormat.WIRETYPE_LENGTH_DELIMITED;
    }

    /** What has been read so far. */
    private static final class Scan {
        private final CodedInputStream in;
        private final TensorFrame.Builder frame = TensorFrame.newBuilder();
        private int payloadStart;
        private int payloadBytes;

        Scan(CodedInputStream in) {
            this.in = in;
        }

        void frame() throws IOException {
            int outer = in.pushLimit(in.readRawVarint32());
            for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
                field(tag);
            }
            if (in.getBytesUntilLimit() != 0) {
                throw new InvalidProtocolBufferException("the frame ends early");
            }
            in.popLimit(outer);
        }

        private void field(int tag) throws IOException {
            if (tag == BATCH_ID) {
                frame.setBatchId(in.readStringRequireUtf8());
            } else if (tag == TENSOR) {
                frame.setTensor(in.readStringRequireUtf8());
            } else if (tag == INDEX) {
                frame.setIndex(in.readInt32());
            } else if (tag == COUNT) {
                frame.setCount(in.readInt32());
            } else if (tag == PAYLOAD) {
                payloadBytes = in.readRawVarint32();
                payloadStart = in.getTotalBytesRead();
                in.skipRawBytes(payloadBytes);
            } else if (tag == CRC32C) {
                frame.setCrc32C(in.readFixed32());
            } else if (tag == DESCRIPTION) {
                in.readMessage(
                        frame.getDescriptionBuilder(), ExtensionRegistryLite.getEmptyRegistry());
            } else {
                skip(in, tag);
            }
        }
    }
}
