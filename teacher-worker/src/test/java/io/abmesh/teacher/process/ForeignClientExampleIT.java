package io.abmesh.teacher.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.ByteString;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.DescribeTeacherRequest;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.TapRequest;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.abmesh.proto.v1.TensorDescription;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A client that shares nothing with abmesh but the protos gets a model's pre-activations from a
 * packaged teacher-worker. They are compared with PyTorch's, which {@code make_teachers.py} of the
 * module {@code nn} wrote to {@code wrn.bin}: images, three taps, logits.
 */
class ForeignClientExampleIT {
    private static final int IMAGES = 5;
    private static final int IMAGE_BYTES = 3 * 16 * 16;

    /** float32 in another order of summation, a few layers deep, at values of about one. */
    private static final float TOLERANCE = 1e-5f;

    @TempDir Path folder;
    private TeacherWorkerProcess worker;

    @BeforeEach
    void start() throws Exception {
        worker = TeacherWorkerProcess.start(folder, TeacherWorkerProcess.wrn(), Map.of());
    }

    @AfterEach
    void stop() throws Exception {
        worker.close();
    }

    @Test
    void foreignClientGetsThePreActivationsThatPyTorchComputes() throws Exception {
        byte[] fixture = Files.readAllBytes(TeacherWorkerProcess.resource("wrn.bin"));
        byte[] pixels = Arrays.copyOf(fixture, IMAGES * IMAGE_BYTES);
        int port = worker.awaitReady().grpcPort();

        // begin: foreign client
        ManagedChannel channel =
                Grpc.newChannelBuilder("127.0.0.1:" + port, InsecureChannelCredentials.create())
                        .build();
        DescribeTeacherResponse model =
                TeacherServiceGrpc.newBlockingStub(channel)
                        .withDeadlineAfter(60, TimeUnit.SECONDS)
                        .describeTeacher(DescribeTeacherRequest.getDefaultInstance());
        String tap = model.getAutoTaps(model.getAutoTapsCount() - 1);

        BlockingQueue<StreamBatchesResponse> answers = new LinkedBlockingQueue<>();
        StreamObserver<StreamBatchesRequest> stream =
                TeacherServiceGrpc.newStub(channel).streamBatches(new Answers(answers));
        stream.onNext(
                StreamBatchesRequest.newBuilder()
                        .setOpen(
                                StreamOpen.newBuilder()
                                        .addAllImageShape(List.of(3L, 16L, 16L))
                                        .addTaps(
                                                TapRequest.newBuilder()
                                                        .setName(tap)
                                                        .setEncoding(Encoding.ENCODING_FLOAT32))
                                        .setNormalization(
                                                Normalization.newBuilder()
                                                        .addAllMean(List.of(125.3f, 123.0f, 113.9f))
                                                        .addAllStd(List.of(63.0f, 62.1f, 66.7f))))
                        .build());
        answers.poll(60, TimeUnit.SECONDS); // opened
        BatchHeader.Builder header = BatchHeader.newBuilder().setBatchId("mine/1");
        for (long image = 0; image < IMAGES; image++) {
            header.addSampleIds(image).addAugmentationIds(0);
        }
        stream.onNext(StreamBatchesRequest.newBuilder().setBatch(header).build());
        CRC32C crc = new CRC32C();
        crc.update(pixels);
        stream.onNext(
                StreamBatchesRequest.newBuilder()
                        .setFrame(
                                TensorFrame.newBuilder()
                                        .setBatchId("mine/1")
                                        .setTensor("image")
                                        .setCount(1)
                                        .setPayload(ByteString.copyFrom(pixels))
                                        .setCrc32C((int) crc.getValue())
                                        .setDescription(
                                                TensorDescription.newBuilder()
                                                        .setName("image")
                                                        .addAllShape(List.of(5L, 3L, 16L, 16L))
                                                        .setEncoding(Encoding.ENCODING_UINT8)
                                                        .setSizeBytes(pixels.length)))
                        .build());
        answers.poll(60, TimeUnit.SECONDS); // ready
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        BatchServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .fetchBatch(
                        FetchBatchRequest.newBuilder().setBatchId("mine/1").addTensors(tap).build())
                .forEachRemaining(
                        frame -> bytes.writeBytes(frame.getFrame().getPayload().toByteArray()));
        FloatBuffer preActivations =
                ByteBuffer.wrap(bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        // end: foreign client

        FloatBuffer expected =
                ByteBuffer.wrap(fixture)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .position(pixels.length + Float.BYTES * IMAGES * (4 * 16 * 16 + 8 * 8 * 8))
                        .asFloatBuffer();
        assertThat(preActivations.remaining()).isEqualTo(IMAGES * 16 * 4 * 4);
        while (preActivations.hasRemaining()) {
            assertThat(preActivations.get()).isCloseTo(expected.get(), within(TOLERANCE));
        }
        stream.onCompleted();
        channel.shutdownNow();
    }

    private record Answers(BlockingQueue<StreamBatchesResponse> queue)
            implements StreamObserver<StreamBatchesResponse> {
        @Override
        public void onNext(StreamBatchesResponse answer) {
            queue.add(answer);
        }

        @Override
        public void onError(Throwable cause) {}

        @Override
        public void onCompleted() {}
    }
}
