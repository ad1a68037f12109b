package io.abmesh.teacher.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.BatchFetcher;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.transport.Limits;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.DescribeTeacherRequest;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.StreamOpened;
import io.abmesh.proto.v1.TapFirings;
import io.abmesh.proto.v1.TapRequest;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.abmesh.proto.v1.TensorFrame;
import io.abmesh.teacher.batch.HeldBatch;
import io.abmesh.teacher.cache.BoundaryCache;
import io.abmesh.teacher.cache.SegmentedBoundaryCache;
import io.grpc.StatusRuntimeException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class TeacherServicesTest {
    private static final List<Long> SHAPE = List.of(1L, 2L, 3L);
    private static final int PIXELS = 6;
    private static final String DATASET = "cd".repeat(32);
    private static final long EPOCH = 7;

    /** image 6, label 4, bits of a: 1, bits of b: 1, logits 8. */
    private static final long COST = 20;

    @TempDir Path folder;
    private TestingTeacher teacher = new TestingTeacher(BoundaryCache.none(), 4000, 2);

    @AfterEach
    void stop() {
        teacher.close();
    }

    @Test
    void describesTheModel() {
        DescribeTeacherResponse model =
                TeacherServiceGrpc.newBlockingStub(teacher.channel)
                        .withDeadlineAfter(60, TimeUnit.SECONDS)
                        .describeTeacher(DescribeTeacherRequest.getDefaultInstance());

        assertThat(model.getModelSha256()).isEqualTo(TestingTeacherEngine.SHA256);
        assertThat(model.getTapsList()).extracting("name").containsExactly("a", "b");
        assertThat(model.getAutoTapsList()).containsExactly("a");
        assertThat(model.getEncodingsList())
                .containsExactly(
                        Encoding.ENCODING_SIGN_BITS,
                        Encoding.ENCODING_FLOAT32,
                        Encoding.ENCODING_FLOAT16);
        assertThat(model.getInputShapeList()).containsExactly(-1L, 1L, -1L, -1L);
    }

    @Test
    void describesTheModelForImagesOfASize() {
        DescribeTeacherResponse model = describe(SHAPE);

        assertThat(model.getTapsList())
                .extracting(tap -> tap.getSampleShapeList())
                .containsExactly(SHAPE, List.of(3L));
        assertThat(model.getAutoTapsList()).containsExactly("a", "b");
        assertThat(model.getInputShapeList()).containsExactly(-1L, 1L, -1L, -1L);
    }

    @ParameterizedTest(name = "{0}: {2}")
    @CsvSource({
        "3x2x2, TENSOR_SIZE_MISMATCH, model takes grey images",
        "1x0x2, TENSOR_SIZE_MISMATCH, 'dimension is not positive: shape=[1, 0, 2]'",
        "1x1024x1, TEACHER_FAILED, 'teacher failed: java.lang.OutOfMemoryError: testing'",
        "1x1000x3, CREDIT_EXCEEDED, 'one image is more than a stream may hold: found=[1, 1000, 3], expected at most=2000 bytes with its label'"
    })
    void namesWhyItCannotBeDescribedForImagesOfASize(
            String shape, ErrorReason reason, String message) {
        List<Long> imageShape = Arrays.stream(shape.split("x")).map(Long::valueOf).toList();

        StatusRuntimeException failure =
                catchThrowableOfType(StatusRuntimeException.class, () -> describe(imageShape));

        assertThat(ErrorStatuses.fromThrowable(failure).reason()).isEqualTo(reason);
        assertThat(ErrorStatuses.fromThrowable(failure)).hasMessage(message);
    }

    private DescribeTeacherResponse describe(List<Long> imageShape) {
        return TeacherServiceGrpc.newBlockingStub(teacher.channel)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .describeTeacher(
                        DescribeTeacherRequest.newBuilder().addAllImageShape(imageShape).build());
    }

    @Test
    void saysWhatAnImageCostsAndHowMuchCreditThereIs() throws Exception {
        StreamOpened opened = client().open(openBits().build());

        assertThat(opened.getCostBytes()).isEqualTo(COST);
        assertThat(opened.getCreditBytes()).isEqualTo(2000);
        assertThat(opened.getClassCount()).isEqualTo(2);
        assertThat(opened.getTapsList())
                .extracting(tap -> tap.getSampleShapeList())
                .containsExactly(SHAPE, List.of(3L));
    }

    @Test
    void servesImageLabelBitsAndLogitsOfABatch() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        byte[] pixels = {
            101,
            100,
            99,
            0,
            (byte) 200,
            101, //
            (byte) 151,
            0,
            0,
            0,
            0,
            0, //
            50,
            101,
            101,
            101,
            101,
            101
        };

        client.batch(header("b1", 3).setLabels(true).build(), SHAPE, pixels);
        StreamBatchesResponse ready = client.response();
        Map<String, Tensor> tensors = fetch("b1", EPOCH);

        assertThat(ready.getReady().getBatchId()).isEqualTo("b1");
        assertThat(ready.getReady().getComputedCount()).isEqualTo(3);
        assertThat(ready.getReady().getCachedCount()).isZero();
        // The logits are the first two pixels, so that the answers are 0, 0 and 1 to labels 0, 1,
        // 2.
        assertThat(ready.getReady().getCorrectCount()).isEqualTo(1);
        assertThat(tensors.keySet()).containsExactly("image", "label", "first", "b", "logits");
        assertThat(bytes(tensors.get("image"))).isEqualTo(pixels);
        assertThat(bytes(tensors.get("label")))
                .isEqualTo(new byte[] {0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0});
        // Rows of 6 bits follow each other without padding: 110001 (least significant first:
        // 1,0,0,0,1,1), 100000, 011111.
        assertThat(bits(tensors.get("first"), 18)).isEqualTo("100011" + "100000" + "011111");
        // The first pixel against 50, 100 and 150.
        assertThat(bits(tensors.get("b"), 9)).isEqualTo("110" + "111" + "000");
        ByteBuffer logits = tensors.get("logits").bytes();
        assertThat(logits.getFloat(0)).isEqualTo(101f);
        assertThat(logits.getFloat(12)).isEqualTo(0f);
        assertThat(logits.getFloat(16)).isEqualTo(50f);
    }

    @ParameterizedTest
    @EnumSource(
            value = Encoding.class,
            names = {"ENCODING_SIGN_BITS", "ENCODING_FLOAT16", "ENCODING_FLOAT32"})
    void tellsHowTheTapsFireIfItIsAsked(Encoding encoding) throws Exception {
        StreamClient client = client();
        client.open(
                StreamOpen.newBuilder()
                        .addAllImageShape(SHAPE)
                        .addTaps(tap("a", encoding))
                        .addTaps(tap("b", encoding))
                        .setLogits(true)
                        .build());
        // Pixel minus 100: 1, 0, -1, -100, 100, 1 and 51, five times -100.
        byte[] pixels = {101, 100, 99, 0, (byte) 200, 101, (byte) 151, 0, 0, 0, 0, 0};

        client.batch(header("told", 2).setFirings(true).build(), SHAPE, pixels);
        client.batch(header("silent", 2).build(), SHAPE, pixels);

        assertThat(client.response().getReady().getFiringsList())
                .containsExactly(
                        TapFirings.newBuilder()
                                .setTap("a")
                                .setNeuronCount(6)
                                .setFiredCount(4)
                                .setNeverCount(3)
                                .setAlwaysCount(1)
                                .build(),
                        TapFirings.newBuilder()
                                .setTap("b")
                                .setNeuronCount(3)
                                .setFiredCount(5)
                                .setNeverCount(0)
                                .setAlwaysCount(2)
                                .build());
        assertThat(client.response().getReady().getFiringsList()).isEmpty();
    }

    @Test
    void servesFloatsAndNormalises() throws Exception {
        StreamClient client = client();
        client.open(
                StreamOpen.newBuilder()
                        .addAllImageShape(SHAPE)
                        .addTaps(tap("a", Encoding.ENCODING_FLOAT32))
                        .addTaps(tap("b", Encoding.ENCODING_FLOAT16))
                        .setNormalization(Normalization.newBuilder().addMean(10).addStd(2))
                        .build());

        client.batch(header("b1", 1).build(), SHAPE, new byte[] {20, 10, 0, 0, 0, 0});
        client.response();
        Map<String, Tensor> tensors = fetch("b1", 0);

        assertThat(tensors.get("a").bytes().getFloat()).isEqualTo(5f - 100f);
        // -45 in binary16
        assertThat(tensors.get("b").bytes().getShort()).isEqualTo((short) 0xd1a0);
        assertThat(tensors.get("b").description().getSizeBytes()).isEqualTo(6);
    }

    @Test
    void sendsOnlyTheTensorsThatAreAskedFor() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 2).build(), SHAPE, new byte[2 * PIXELS]);
        client.response();

        assertThat(fetch("b1", EPOCH, "logits", "image").keySet())
                .containsExactly("logits", "image");
        MeshException failure =
                catchThrowableOfType(MeshException.class, () -> fetch("b1", EPOCH, "nope"));
        assertThat(failure.reason()).isEqualTo(ErrorReason.TENSOR_NOT_FOUND);
        assertThat(failure)
                .hasMessage(
                        "batch has no such tensor: batch=b1, found=nope, expected=one of [image,"
                                + " first, b, logits]");
    }

    @Test
    void runsTheModelInChunks() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 11).build(), SHAPE, new byte[11 * PIXELS]);
        client.response();

        assertThat(teacher.engine.inferred).hasValue(11);
        assertThat(teacher.engine.largestChunk).hasValue(TestingTeacher.CHUNK);
    }

    @Test
    void secondLookAtAViewTakesNoForwardPass() throws Exception {
        useCache();
        StreamClient client = client();
        client.open(openBits().build());
        byte[] pixels = pixels(6);
        client.batch(header("b1", 6).build(), SHAPE, pixels);
        client.response();
        final Map<String, Tensor> computed = fetch("b1", EPOCH);

        client.batch(header("b2", 6).build(), SHAPE, pixels);
        StreamBatchesResponse ready = client.response();
        Map<String, Tensor> cached = fetch("b2", EPOCH);

        assertThat(ready.getReady().getCachedCount()).isEqualTo(6);
        assertThat(ready.getReady().hasCorrectCount()).isFalse(); // No labels came.
        assertThat(ready.getReady().getComputedCount()).isZero();
        assertThat(ready.getReady().getComputeDuration()).isEqualTo(Durations.ZERO);
        assertThat(teacher.engine.inferred).hasValue(6);
        assertThat(cached.keySet()).isEqualTo(computed.keySet());
        cached.forEach(
                (name, tensor) ->
                        assertThat(bytes(tensor)).as(name).isEqualTo(bytes(computed.get(name))));
    }

    @Test
    void onlyMissingViewsTakeAForwardPassAndLandInTheirPlaces() throws Exception {
        useCache();
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 3).build(), SHAPE, pixels(3));
        client.response();

        // Samples 0 to 5, of which 0, 1, 2 are known; sample 1 in another view.
        BatchHeader header = header("b2", 6).setAugmentationIds(1, 9).build();
        byte[] pixels = pixels(6);
        pixels[PIXELS] = (byte) 180;
        client.batch(header, SHAPE, pixels);
        StreamBatchesResponse ready = client.response();
        final Map<String, Tensor> mixed = fetch("b2", EPOCH);
        client.release("b2");
        client.response();
        client.batch(header("b3", 6).setDatasetSha256("").build(), SHAPE, pixels);
        client.response();
        Map<String, Tensor> computed = fetch("b3", EPOCH);

        assertThat(ready.getReady().getCachedCount()).isEqualTo(2);
        assertThat(ready.getReady().getComputedCount()).isEqualTo(4);
        mixed.forEach(
                (name, tensor) ->
                        assertThat(bytes(tensor)).as(name).isEqualTo(bytes(computed.get(name))));
    }

    @Test
    void otherDataSetOrNormalisationIsAnotherView() throws Exception {
        useCache();
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 2).build(), SHAPE, pixels(2));
        client.response();
        client.batch(header("b2", 2).setDatasetSha256("ef").build(), SHAPE, pixels(2));
        assertThat(client.response().getReady().getCachedCount()).isZero();

        StreamClient other = client();
        other.open(
                openBits()
                        .setNormalization(Normalization.newBuilder().addMean(1).addStd(1))
                        .build());
        other.batch(header("b3", 2).build(), SHAPE, pixels(2));
        assertThat(other.response().getReady().getCachedCount()).isZero();
    }

    @Test
    void anotherVersionOfTheProgramComputesAnew() throws Exception {
        BoundaryCache cache = SegmentedBoundaryCache.open(folder, 1 << 20).orElseThrow();
        List<Integer> cachedCounts = new ArrayList<>();
        for (String version : List.of("1", "2", "2")) {
            teacher.close();
            teacher = new TestingTeacher(cache, 4000, 2, version);
            StreamClient client = opened();
            client.batch(header("b1", 2).build(), SHAPE, pixels(2));
            cachedCounts.add(client.response().getReady().getCachedCount());
        }

        assertThat(cachedCounts).containsExactly(0, 0, 2);
    }

    @Test
    void floatsAreCachedEachEncodingByItself() throws Exception {
        useCache();
        StreamClient half = client();
        half.open(openTap(Encoding.ENCODING_FLOAT16));
        half.batch(header("b1", 2).build(), SHAPE, pixels(2));
        half.response();
        final Map<String, Tensor> computed = fetch("b1", EPOCH);
        half.batch(header("b2", 2).build(), SHAPE, pixels(2));

        assertThat(half.response().getReady().getCachedCount()).isEqualTo(2);
        assertThat(bytes(fetch("b2", EPOCH).get("a"))).isEqualTo(bytes(computed.get("a")));

        StreamClient single = client();
        single.open(openTap(Encoding.ENCODING_FLOAT32));
        single.batch(header("b3", 2).build(), SHAPE, pixels(2));
        assertThat(single.response().getReady().getComputedCount()).isEqualTo(2);
    }

    private static StreamOpen openTap(Encoding encoding) {
        return StreamOpen.newBuilder()
                .setEpoch(EPOCH)
                .addAllImageShape(SHAPE)
                .addTaps(tap("a", encoding))
                .build();
    }

    @Test
    void releaseGivesTheCreditBackAndTheBatchIsGone() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 100).build(), SHAPE, new byte[100 * PIXELS]);
        client.response();
        assertThat(teacher.meters.heldBytes()).isEqualTo(100 * COST);

        client.release("b1");

        assertThat(client.response().getCredit().getBytes()).isEqualTo(100 * COST);
        assertThat(teacher.meters.heldBytes()).isZero();
        assertThat(failureOfFetch("b1", EPOCH).reason()).isEqualTo(ErrorReason.BATCH_NOT_FOUND);
        client.batch(header("b2", 100).build(), SHAPE, new byte[100 * PIXELS]);
        assertThat(client.response().getReady().getBatchId()).isEqualTo("b2");
    }

    @Test
    void refusesMoreThanTheCredit() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 100).build(), SHAPE, new byte[100 * PIXELS]);
        client.response();

        client.header(header("b2", 1).build());

        MeshException failure = client.failure();
        assertThat(failure.reason()).isEqualTo(ErrorReason.CREDIT_EXCEEDED);
        assertThat(failure)
                .hasMessage(
                        "batch costs more than the credit left: batch=b2, found=20 bytes, expected"
                                + " at most=0");
    }

    @Test
    void endOfTheStreamFreesEverything() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 10).build(), SHAPE, new byte[10 * PIXELS]);
        client.response();
        client.header(header("b2", 10).build());

        client.frame(frame("b1"));
        client.failure();
        teacher.awaitCompute();

        assertThat(failureOfFetch("b1", EPOCH).reason()).isEqualTo(ErrorReason.BATCH_NOT_FOUND);
        assertThat(teacher.held.count()).isZero();
        assertThat(teacher.meters.heldBytes()).isZero();
        assertThat(teacher.engine.openSessions).hasValue(0);
    }

    @Test
    void halfCloseCompletesOnceAllIsReleased() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 1).build(), SHAPE, new byte[PIXELS]);
        client.response();
        client.release("b1");
        client.halfClose();

        assertThat(client.response().hasCredit()).isTrue();
        client.awaitCompletion();
    }

    @Test
    void halfCloseKeepsHeldBatches() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 1).build(), SHAPE, new byte[PIXELS]);
        client.halfClose();
        client.response();

        assertThat(fetch("b1", EPOCH)).hasSize(4);
        client.cancel();
    }

    @Test
    void nanOfTheTeacherFailsTheBatchByNameAndTheStreamGoesOn() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        byte[] pixels = new byte[6 * PIXELS];
        pixels[5 * PIXELS] = (byte) TestingTeacherEngine.NOT_FINITE;

        client.batch(header("b1", 6).build(), SHAPE, pixels);

        StreamBatchesResponse failed = client.response();
        MeshException failure = ErrorStatuses.fromStatus(failed.getFailed().getStatus());
        assertThat(failure.reason()).isEqualTo(ErrorReason.TEACHER_NOT_FINITE);
        assertThat(failure)
                .hasMessage(
                        "teacher yields a value that is not finite: batch=b1, tap=a, row=5,"
                                + " sample=5, found=NaN");
        assertThat(client.response().getCredit().getBytes()).isEqualTo(6 * COST);
        client.batch(header("b2", 1).build(), SHAPE, new byte[PIXELS]);
        assertThat(client.response().hasReady()).isTrue();
    }

    @Test
    void failureOfTheEngineFailsTheBatch() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        byte[] pixels = new byte[PIXELS];
        pixels[0] = (byte) TestingTeacherEngine.FAILS;

        client.batch(header("b1", 1).build(), SHAPE, pixels);

        assertThat(ErrorStatuses.fromStatus(client.response().getFailed().getStatus()).reason())
                .isEqualTo(ErrorReason.TEACHER_FAILED);
    }

    @Test
    void fetchOfAnotherEpochIsStale() throws Exception {
        StreamClient client = client();
        client.open(openBits().build());
        client.batch(header("b1", 1).build(), SHAPE, new byte[PIXELS]);
        client.response();

        assertThat(failureOfFetch("b1", EPOCH + 1))
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(
                        ErrorReason.STALE_EPOCH,
                        "batch is of another epoch: batch=b1, found=8, expected=7");
        assertThat(fetch("b1", 0)).isNotEmpty();
    }

    @Test
    void refusesAnotherModelThanTheOneExpected() throws Exception {
        assertThat(refused(openBits().setExpectedModelSha256("00").build()))
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(
                        ErrorReason.TEACHER_MODEL_MISMATCH,
                        "teacher has another model: found="
                                + TestingTeacherEngine.SHA256
                                + ", expected=00");
    }

    @Test
    void refusesStreamsThatCannotBe() throws Exception {
        assertThat(refused(openBits().addTaps(tap("zz", Encoding.ENCODING_SIGN_BITS)).build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.TAP_NOT_FOUND);
        assertThat(refused(openBits().clearImageShape().build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
        assertThat(
                        refused(
                                openBits()
                                        .clearImageShape()
                                        .addAllImageShape(List.of(3L, 2L, 2L))
                                        .build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
        assertThat(refused(StreamOpen.newBuilder().addAllImageShape(SHAPE).build()))
                .hasMessage("nothing is asked for: expected=a tap or the logits");
        assertThat(refused(openBits().addTaps(tap("image", Encoding.ENCODING_SIGN_BITS)).build()))
                .hasMessage("tap name is empty, reserved or used twice: found=image");
        assertThat(refused(openBits().setTaps(0, tap("a", Encoding.ENCODING_UINT8)).build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.INVALID_REQUEST);
        assertThat(
                        refused(
                                openBits()
                                        .setNormalization(
                                                Normalization.newBuilder()
                                                        .addMean(1)
                                                        .addMean(1)
                                                        .addStd(1))
                                        .build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.INVALID_REQUEST);
    }

    @Test
    void refusesImagesThatAStreamCannotHoldBeforeTheModelSeesOne() throws Exception {
        MeshException failure = refused(openBits().setImageShape(1, 1000).build());

        assertThat(failure.reason()).isEqualTo(ErrorReason.CREDIT_EXCEEDED);
        assertThat(failure)
                .hasMessage(
                        "one image is more than a stream may hold: found=[1, 1000, 3], expected at"
                                + " most=2000 bytes with its label");
        assertThat(refused(openBits().setImageShape(1, 1L << 61).build()).reason())
                .isEqualTo(ErrorReason.CREDIT_EXCEEDED);
        assertThat(refused(openBits().setImageShape(1, 1L << 62).build()).reason())
                .isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
        assertThat(teacher.engine.madeSessions).hasValue(0);
    }

    @Test
    void aStreamThatThereIsNoMemoryForEndsByNameAndOthersAreServed() throws Exception {
        assertThat(
                        refused(
                                openBits()
                                        .clearImageShape()
                                        .addAllImageShape(
                                                List.of(
                                                        1L,
                                                        TestingTeacherEngine.SHORT_OF_MEMORY,
                                                        1L))
                                        .build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.TEACHER_FAILED);
        assertThat(refused(openBits().setExpectedModelSha256("00").build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.TEACHER_MODEL_MISMATCH);
    }

    @Test
    void refusesMessagesOutOfTurn() throws Exception {
        StreamClient early = client();
        early.header(header("b1", 1).build());
        assertThat(early.failure())
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(ErrorReason.STREAM_PROTOCOL, "first message must be open");

        StreamClient twice = opened();
        twice.send(StreamBatchesRequest.newBuilder().setOpen(openBits()).build());
        assertThat(twice.failure()).hasMessage("stream is open already");

        StreamClient frameFirst = opened();
        frameFirst.frame(frame("b1"));
        assertThat(frameFirst.failure()).hasMessage("frame came without a batch: batch=b1");

        StreamClient twoHeaders = opened();
        twoHeaders.header(header("b1", 1).build());
        twoHeaders.header(header("b2", 1).build());
        assertThat(twoHeaders.failure())
                .hasMessage("batch came before the last was complete: batch=b2");

        StreamClient unknown = opened();
        unknown.send(StreamBatchesRequest.getDefaultInstance());
        assertThat(unknown.failure()).hasMessage("message is of no kind that this version knows");
    }

    @Test
    void refusesANameThatIsTaken() throws Exception {
        StreamClient first = opened();
        first.batch(header("b1", 1).build(), SHAPE, new byte[PIXELS]);
        first.response();
        StreamClient second = opened();
        second.header(header("b1", 1).build());

        assertThat(second.failure())
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(ErrorReason.STREAM_PROTOCOL, "batch is there already: batch=b1");
        assertThat(fetch("b1", EPOCH)).isNotEmpty();
    }

    @Test
    void refusesHeadersThatCannotBe() throws Exception {
        assertThat(refusedHeader(header("", 1).build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.INVALID_REQUEST);
        assertThat(refusedHeader(header("b", 0).build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.INVALID_REQUEST);
        assertThat(refusedHeader(header("b", 2).addAugmentationIds(0).build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.INVALID_REQUEST);
        assertThat(refusedHeader(header("b", 2).addAllImageShape(List.of(1L, 3L, 2L)).build()))
                .extracting(MeshException::reason)
                .isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
    }

    @Test
    void refusesHeadersThatTakeMoreMemoryThanTheyCost() throws Exception {
        assertThat(refusedHeader(header("é".repeat(257), 1).build()))
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(
                        ErrorReason.INVALID_REQUEST,
                        "batch header is wrong: batch_id is too long, found=514, expected at"
                                + " most=512");
        assertThat(refusedHeader(header("b", 1).setDatasetSha256("c".repeat(65)).build()))
                .hasMessageContaining("dataset_sha256 is too long, found=65, expected at most=64");
        assertThat(refusedHeader(header("b", 1).setTraceParent("0".repeat(56)).build()))
                .hasMessageContaining("trace_parent is too long, found=56, expected at most=55");
    }

    @Test
    void refusesMoreBatchesThanAStreamMayHave() throws Exception {
        teacher.close();
        teacher = new TestingTeacher(BoundaryCache.none(), 1 << 20, 2);
        StreamClient client = opened();
        for (int i = 0; i < Limits.MAX_BATCHES_PER_STREAM; i++) {
            client.batch(header("b" + i, 1).build(), SHAPE, new byte[PIXELS]);
            assertThat(client.response().hasReady()).isTrue();
        }
        client.header(header("one-more", 1).build());

        assertThat(client.failure())
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(
                        ErrorReason.CREDIT_EXCEEDED,
                        "stream has as many batches as it may: batch=one-more, expected at"
                                + " most=4096");
    }

    @Test
    void refusesBadFramesByName() throws Exception {
        TensorFrame good = frame("b1");

        assertThat(refusedFrame(good.toBuilder().setCrc32C(good.getCrc32C() + 1).build()))
                .isEqualTo(ErrorReason.CHECKSUM_MISMATCH);
        assertThat(refusedFrame(good.toBuilder().setIndex(1).build()))
                .isEqualTo(ErrorReason.FRAME_OUT_OF_ORDER);
        assertThat(refusedFrame(good.toBuilder().setTensor("label").build()))
                .isEqualTo(ErrorReason.FRAME_OUT_OF_ORDER);
        assertThat(
                        refusedFrame(
                                good.toBuilder()
                                        .setPayload(ByteString.copyFrom(new byte[PIXELS - 1]))
                                        .build()))
                .isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
        BatchHeader larger = header("b1", 2).build();
        assertThat(refusedFrame(StreamClient.frames(larger, SHAPE, new byte[12]).get(0)))
                .isEqualTo(ErrorReason.MESSAGE_TOO_LARGE);
        assertThat(
                        refusedFrame(
                                StreamClient.frames(
                                                header("b1", 1).build(),
                                                List.of(1L, 3L, 2L),
                                                new byte[PIXELS])
                                        .get(0)))
                .isEqualTo(ErrorReason.TENSOR_SIZE_MISMATCH);
    }

    @Test
    void endInTheMiddleOfABatchIsAnError() throws Exception {
        StreamClient client = opened();
        client.header(header("b1", 1).build());
        client.halfClose();

        assertThat(client.failure())
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(
                        ErrorReason.FRAME_OUT_OF_ORDER,
                        "stream ended in the middle of a batch: batch=b1");
    }

    @Test
    void refusesMoreStreamsThanItMayHave() throws Exception {
        StreamClient first = opened();
        opened();

        MeshException failure = client().failure();
        assertThat(failure.reason()).isEqualTo(ErrorReason.WORKER_OVERLOADED);
        assertThat(failure.retryDelay()).contains(TeacherGrpcService.RETRY_DELAY);

        first.halfClose();
        first.awaitCompletion();
        opened();
    }

    @Test
    void aStreamThatEndsWithBytesThatAreNoMessageLeavesItsPlace() throws Exception {
        for (int i = 0; i < 2; i++) {
            StreamClient client = opened();
            client.batch(header("b1", 1).build(), SHAPE, new byte[PIXELS]);
            client.response();
            client.sendGarbage();

            assertThat(client.failure().reason()).isEqualTo(ErrorReason.INVALID_REQUEST);
            teacher.awaitEnd();
        }
        teacher.awaitCompute();

        assertThat(teacher.held.count()).isZero();
        assertThat(teacher.meters.heldBytes()).isZero();
        assertThat(teacher.engine.openSessions).hasValue(0);
        opened();
        opened();
    }

    @Test
    void noModelIsMadeReadyForAStreamThatIsOver() throws Exception {
        Semaphore compute = teacher.holdCompute();
        StreamClient client = client();
        client.send(StreamBatchesRequest.newBuilder().setOpen(openBits()).build());
        teacher.awaitTask();
        client.cancel();
        teacher.awaitEnd();
        compute.release();
        teacher.awaitCompute();

        assertThat(teacher.engine.madeSessions).hasValue(0);
    }

    @Test
    void aStreamKeepsItsPlaceWhileABatchOfItIsFetched() throws Exception {
        StreamClient first = opened();
        first.batch(header("b1", 1).build(), SHAPE, new byte[PIXELS]);
        first.response();
        HeldBatch fetched = teacher.held.acquire("b1", EPOCH);
        opened();
        first.cancel();
        teacher.awaitEnd();

        assertThat(client().failure().reason()).isEqualTo(ErrorReason.WORKER_OVERLOADED);
        fetched.letGo();
        opened();
        assertThat(teacher.meters.heldBytes()).isZero();
    }

    @Test
    void givesUpAClientThatDoesNotOpenItsStream() throws Exception {
        StreamClient client = client();
        teacher.timer.awaitBegin();

        assertThat(teacher.timer.pass()).isEqualTo(1);
        assertThat(client.failure())
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(
                        ErrorReason.CLIENT_TOO_SLOW,
                        "client keeps its stream waiting: waited=PT30S");
    }

    @Test
    void givesUpAClientThatStopsInTheMiddleOfABatchAndNoneThatWaitsBetweenTwo() throws Exception {
        StreamClient client = client();
        teacher.timer.awaitBegin(); // of the wait for its opening
        client.open(openBits().build());
        client.batch(header("b1", 1).build(), SHAPE, new byte[PIXELS]);
        client.response();
        teacher.timer.awaitBegin(); // of the wait for the frame
        assertThat(teacher.timer.pass()).isZero();

        client.header(header("b2", 1).build());
        teacher.timer.awaitBegin();
        assertThat(teacher.timer.pass()).isEqualTo(1);
        assertThat(client.failure().reason()).isEqualTo(ErrorReason.CLIENT_TOO_SLOW);
        assertThat(teacher.held.count()).isZero();
    }

    @Test
    void givesUpAClientThatDoesNotReadItsAnswers() throws Exception {
        StreamClient client = new StreamClient(teacher.channel, 1);
        teacher.timer.awaitBegin(); // of the wait for its opening
        client.open(openBits().build());
        teacher.timer.awaitBegin();

        assertThat(teacher.timer.pass()).isEqualTo(1);
        client.read(1);
        assertThat(client.failure().reason()).isEqualTo(ErrorReason.CLIENT_TOO_SLOW);
    }

    @Test
    void refusesNewWorkWhileDrainingButServesWhatItHolds() throws Exception {
        StreamClient client = opened();
        client.batch(header("b1", 1).build(), SHAPE, new byte[PIXELS]);
        client.response();
        teacher.drain.set(true);

        assertThat(client().failure().reason()).isEqualTo(ErrorReason.DRAINING);
        StatusRuntimeException failure =
                catchThrowableOfType(
                        StatusRuntimeException.class,
                        () ->
                                TeacherServiceGrpc.newBlockingStub(teacher.channel)
                                        .withDeadlineAfter(60, TimeUnit.SECONDS)
                                        .describeTeacher(
                                                DescribeTeacherRequest.getDefaultInstance()));
        assertThat(ErrorStatuses.fromThrowable(failure).reason()).isEqualTo(ErrorReason.DRAINING);
        assertThat(fetch("b1", EPOCH)).isNotEmpty();
    }

    private void useCache() throws Exception {
        teacher.close();
        teacher =
                new TestingTeacher(
                        SegmentedBoundaryCache.open(folder, 1 << 20).orElseThrow(), 4000, 2);
    }

    private StreamClient client() {
        return new StreamClient(teacher.channel);
    }

    private StreamClient opened() throws InterruptedException {
        StreamClient client = client();
        client.open(openBits().build());
        return client;
    }

    private MeshException refused(StreamOpen open) throws InterruptedException {
        StreamClient client = client();
        client.send(StreamBatchesRequest.newBuilder().setOpen(open).build());
        return client.failure();
    }

    private MeshException refusedHeader(BatchHeader header) throws InterruptedException {
        StreamClient client = opened();
        client.header(header);
        return client.failure();
    }

    private ErrorReason refusedFrame(TensorFrame frame) throws InterruptedException {
        StreamClient client = opened();
        client.header(header("b1", 1).build());
        client.frame(frame);
        return client.failure().reason();
    }

    private Map<String, Tensor> fetch(String batchId, long epoch, String... tensors) {
        return BatchFetcher.fetch(
                teacher.channel,
                FetchBatchRequest.newBuilder()
                        .setBatchId(batchId)
                        .setEpoch(epoch)
                        .addAllTensors(List.of(tensors))
                        .build(),
                1 << 20,
                Duration.ofSeconds(10));
    }

    private MeshException failureOfFetch(String batchId, long epoch) {
        return catchThrowableOfType(MeshException.class, () -> fetch(batchId, epoch));
    }

    private static StreamOpen.Builder openBits() {
        return StreamOpen.newBuilder()
                .setRunId("run")
                .setEpoch(EPOCH)
                .addAllImageShape(SHAPE)
                .addTaps(tap("first", Encoding.ENCODING_SIGN_BITS).toBuilder().setSource("a.in"))
                .addTaps(tap("b", Encoding.ENCODING_SIGN_BITS))
                .setLogits(true);
    }

    private static TapRequest tap(String name, Encoding encoding) {
        return TapRequest.newBuilder().setName(name).setEncoding(encoding).build();
    }

    private static BatchHeader.Builder header(String batchId, int count) {
        List<Long> views = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            views.add(0L);
        }
        return BatchHeader.newBuilder()
                .setBatchId(batchId)
                .setDatasetSha256(DATASET)
                .addAllSampleIds(LongStream.range(0, count).boxed().toList())
                .addAllAugmentationIds(views);
    }

    private static TensorFrame frame(String batchId) {
        return StreamClient.frames(header(batchId, 1).build(), SHAPE, new byte[PIXELS]).get(0);
    }

    private static byte[] pixels(int count) {
        byte[] pixels = new byte[count * PIXELS];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (i * 37 % 250);
        }
        return pixels;
    }

    private static byte[] bytes(Tensor tensor) {
        byte[] bytes = new byte[tensor.bytes().remaining()];
        tensor.bytes().get(bytes);
        return bytes;
    }

    private static String bits(Tensor tensor, int count) {
        StringBuilder bits = new StringBuilder();
        for (int i = 0; i < count; i++) {
            bits.append(bytes(tensor)[i / 8] >> (i % 8) & 1);
        }
        return bits.toString();
    }
}
