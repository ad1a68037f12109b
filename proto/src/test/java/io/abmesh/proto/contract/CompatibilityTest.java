package io.abmesh.proto.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumDescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumValueDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.UnknownFieldSet;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.TensorAssembler;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.Tensor;
import io.abmesh.proto.v1.TensorDescription;
import io.abmesh.proto.v1.TensorFrame;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;

/** What a sender of a later minor version of {@code abmesh.v1} adds does not break this one. */
class CompatibilityTest {
    private static final int FUTURE_FIELD = 1000;

    @Test
    void frameWithFieldsOfALaterVersionIsPutTogetherAndKeepsThem() throws Exception {
        Descriptor later = laterTensorFile().findMessageTypeByName("TensorFrame");
        TensorFrame frame =
                TensorFrames.split(
                                "b",
                                TensorFrames.describe(
                                        "image", List.of(3L), Encoding.ENCODING_UINT8),
                                ByteBuffer.wrap(new byte[] {1, 2, 3}))
                        .next();
        DynamicMessage sent =
                DynamicMessage.newBuilder(later)
                        .mergeFrom(frame.toByteString())
                        .setField(later.findFieldByName("compression_level"), 7L)
                        .build();

        TensorFrame received = TensorFrame.parseFrom(sent.toByteString());

        assertThat(new TensorAssembler("b", 3).add(received)).isPresent();
        // Passed on, the field is still there: a relay of this version loses nothing.
        DynamicMessage relayed = DynamicMessage.parseFrom(later, received.toByteString());
        assertThat(relayed.getField(later.findFieldByName("compression_level"))).isEqualTo(7L);
    }

    @Test
    void encodingOfALaterVersionIsRefusedByNameAndNotTakenForAnother() throws Exception {
        TensorFrame frame =
                TensorFrame.newBuilder()
                        .setBatchId("b")
                        .setTensor("tap")
                        .setCount(1)
                        .setPayload(ByteString.copyFrom(new byte[1]))
                        .setDescription(
                                TensorDescription.newBuilder()
                                        .setName("tap")
                                        .addShape(1)
                                        .setEncodingValue(77)
                                        .setSizeBytes(1))
                        .build();

        MeshException refusal =
                Assertions.catchThrowableOfType(
                        MeshException.class,
                        () ->
                                new TensorAssembler("b", 10)
                                        .add(TensorFrame.parseFrom(frame.toByteString())));

        assertThat(refusal.reason()).isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
        assertThat(refusal).hasMessage("unknown encoding: found=UNRECOGNIZED");
    }

    @Test
    void messageKindOfALaterVersionReadsAsNoneOfOurs() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        out.writeByteArray(FUTURE_FIELD, new byte[] {8, 1});
        out.flush();

        StreamBatchesRequest received = StreamBatchesRequest.parseFrom(bytes.toByteArray());

        assertThat(received.getMessageCase())
                .isEqualTo(StreamBatchesRequest.MessageCase.MESSAGE_NOT_SET);
        assertThat(received.getUnknownFields()).isNotEqualTo(UnknownFieldSet.getDefaultInstance());
    }

    private static FileDescriptor laterTensorFile() throws Exception {
        FileDescriptorProto.Builder file = Tensor.getDescriptor().toProto().toBuilder();
        for (DescriptorProto.Builder message : file.getMessageTypeBuilderList()) {
            if (message.getName().equals("TensorFrame")) {
                message.addField(
                        FieldDescriptorProto.newBuilder()
                                .setName("compression_level")
                                .setNumber(FUTURE_FIELD)
                                .setLabel(FieldDescriptorProto.Label.LABEL_OPTIONAL)
                                .setType(FieldDescriptorProto.Type.TYPE_INT64));
            }
        }
        for (EnumDescriptorProto.Builder type : file.getEnumTypeBuilderList()) {
            type.addValue(
                    EnumValueDescriptorProto.newBuilder().setName("ENCODING_LATER").setNumber(77));
        }
        return FileDescriptor.buildFrom(file.build(), new FileDescriptor[0]);
    }
}
