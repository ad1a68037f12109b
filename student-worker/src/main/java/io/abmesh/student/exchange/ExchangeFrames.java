package io.abmesh.student.exchange;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.abmesh.nn.training.MicroOutcome;
import io.abmesh.nn.training.ReductionTree.Subtree;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ExchangeRequest;
import io.abmesh.proto.v1.GradientFrame;
import io.abmesh.proto.v1.MicroBatchReport;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Floats on the wire between students: little-endian, with a CRC-32C; of a sum, frames of at most
 * {@value #MAX_ELEMENTS} elements, all but the last full.
 */
final class ExchangeFrames {
    /**
     * Elements of a full frame: a quarter of what a message may carry, so that one is made while
     * those before it are on their way.
     */
    static final int MAX_ELEMENTS = 1 << 16;

    private ExchangeFrames() {}

    /** Makes the frame of the elements {@code [from, to)} of a sum. */
    static ExchangeRequest frame(
            long step, Subtree part, boolean total, float[] gradient, int from, int to) {
        byte[] bytes = bytes(gradient, from, to);
        return ExchangeRequest.newBuilder()
                .setGradient(
                        GradientFrame.newBuilder()
                                .setStep(step)
                                .setFirstMicroBatch(part.first())
                                .setEndMicroBatch(part.end())
                                .setTotal(total)
                                .setStartElement(from)
                                .setPayload(UnsafeByteOperations.unsafeWrap(bytes))
                                .setCrc32C(crc32c(ByteBuffer.wrap(bytes))))
                .build();
    }

    static ExchangeRequest report(long step, MeasuredMicroBatch measured) {
        byte[] bytes = bytes(measured.statistics(), 0, measured.statistics().length);
        return ExchangeRequest.newBuilder()
                .setReport(
                        MicroBatchReport.newBuilder()
                                .setStep(step)
                                .setMicroBatch(measured.index())
                                .setLoss(measured.outcome().loss())
                                .addAllTerms(measured.outcome().terms())
                                .addAllAgreement(measured.outcome().agreement())
                                .setStatistics(UnsafeByteOperations.unsafeWrap(bytes))
                                .setCrc32C(crc32c(ByteBuffer.wrap(bytes))))
                .build();
    }

    /**
     * Reads a report.
     *
     * @throws MeshException CHECKSUM_MISMATCH, TENSOR_SIZE_MISMATCH
     */
    static MeasuredMicroBatch measured(MicroBatchReport report, int statisticsLength) {
        requireIntact(report.getStatistics(), report.getCrc32C());
        requireSize(report.getStatistics(), statisticsLength);
        float[] statistics = new float[statisticsLength];
        read(report.getStatistics(), statistics, 0);
        return new MeasuredMicroBatch(
                report.getMicroBatch(),
                new MicroOutcome(
                        report.getLoss(), report.getTermsList(), report.getAgreementList()),
                statistics);
    }

    /** Copies a payload to {@code into[at ..]}. */
    static void read(ByteString payload, float[] into, int at) {
        payload.asReadOnlyByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(into, at, payload.size() / Float.BYTES);
    }

    static void requireIntact(ByteString payload, int expected) {
        int found = crc32c(payload.asReadOnlyByteBuffer());
        if (found != expected) {
            throw new MeshException(
                    ErrorReason.CHECKSUM_MISMATCH,
                    "bytes of a student are not those that were sent: found=%08x, expected=%08x"
                            .formatted(found, expected),
                    Map.of());
        }
    }

    static void requireSize(ByteString payload, int elements) {
        if (payload.size() != elements * Float.BYTES) {
            throw new MeshException(
                    ErrorReason.TENSOR_SIZE_MISMATCH,
                    "elements of a student have a wrong size: found="
                            + payload.size()
                            + " bytes, expected="
                            + elements * Float.BYTES);
        }
    }

    private static byte[] bytes(float[] values, int from, int to) {
        byte[] bytes = new byte[(to - from) * Float.BYTES];
        ByteBuffer.wrap(bytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .put(values, from, to - from);
        return bytes;
    }

    private static int crc32c(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
