package io.abmesh.teacher.stream;

import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.teacher.TapCandidate;
import io.abmesh.nn.teacher.TeacherDescription;
import io.abmesh.nn.teacher.TeacherException;
import io.abmesh.nn.teacher.TeacherSession;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Encodings;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.TapRequest;
import io.abmesh.teacher.batch.BatchComputer;
import io.abmesh.teacher.batch.Output;
import io.abmesh.teacher.batch.TeacherFailures;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a stream asked for, checked and made ready.
 *
 * @param runId run that the stream is for; empty: for none
 * @param epoch membership epoch of the stream
 * @param imageShape {@code [C, H, W]} of every batch
 * @param taps what each requested tap resolved to
 * @param outputs tensors that every batch gets
 * @param classCount width of the logits, 0 without
 * @param computer computes the batches; belongs to the stream
 */
record StreamSetup(
        String runId,
        long epoch,
        List<Long> imageShape,
        List<TapCandidate> taps,
        List<Output> outputs,
        int classCount,
        BatchComputer computer) {
    /**
     * Names the arithmetic behind cached values, and is changed with it: also with that of an
     * engine, unless the program's version changes.
     */
    private static final String VALUES = "1";

    private static final String IMAGE = "image";
    private static final String LABEL = "label";

    /** Bytes of the image of one sample. */
    long imageBytes() {
        return Encodings.elementCount(imageShape);
    }

    /** Credit that one sample costs, in bytes: image, label, outputs. */
    long costBytes() {
        long cost = imageBytes() + Integer.BYTES;
        for (Output output : outputs) {
            cost += output.rowBytes();
        }
        return cost;
    }

    /**
     * Checks the request and prepares the model, which may take a second.
     *
     * @throws MeshException TEACHER_MODEL_MISMATCH, TAP_NOT_FOUND, TENSOR_SIZE_MISMATCH,
     *     INVALID_REQUEST, MODEL_UNREADABLE; CREDIT_EXCEEDED if a stream cannot hold one image,
     *     before the model sees any
     */
    static StreamSetup prepare(StreamOpen open, TeacherHost host) {
        TeacherDescription model = host.engine().describe();
        requireModel(open, model);
        List<Long> imageShape = imageShape(open, model);
        PixelNormalization normalization = normalization(open, imageShape);
        requireSane(open);
        requireRoom(imageShape, host.limits().streamBytes());
        List<String> sources = new ArrayList<>();
        for (TapRequest tap : open.getTapsList()) {
            sources.add(source(tap));
        }
        TeacherSession session;
        try {
            session = host.engine().open(sources, open.getLogits(), imageShape);
        } catch (TeacherException e) {
            throw TeacherFailures.of(e);
        }
        List<String> view =
                List.of(
                        VALUES,
                        host.version(),
                        model.engine(),
                        model.modelSha256(),
                        String.valueOf(normalization),
                        imageShape.toString());
        List<Output> outputs = new ArrayList<>();
        for (int i = 0; i < sources.size(); i++) {
            TapRequest tap = open.getTaps(i);
            TapCandidate found = session.taps().get(i);
            outputs.add(
                    new Output(
                            tap.getName(),
                            tap.getEncoding(),
                            found.sampleShape(),
                            context(view, found.tensor(), tap.getEncoding())));
        }
        if (open.getLogits()) {
            outputs.add(
                    new Output(
                            BatchComputer.LOGITS,
                            Encoding.ENCODING_FLOAT32,
                            List.of((long) session.classCount()),
                            context(view, "<logits>", Encoding.ENCODING_FLOAT32)));
        }
        return new StreamSetup(
                open.getRunId(),
                open.getEpoch(),
                imageShape,
                session.taps(),
                List.copyOf(outputs),
                session.classCount(),
                new BatchComputer(
                        session, outputs, normalization, host.cache(), host.limits().chunkSize()));
    }

    private static List<String> context(List<String> view, String tensor, Encoding encoding) {
        List<String> context = new ArrayList<>(view);
        context.add(tensor);
        context.add(encoding.name());
        return context;
    }

    private static void requireModel(StreamOpen open, TeacherDescription model) {
        String expected = open.getExpectedModelSha256();
        if (!expected.isEmpty() && !expected.equals(model.modelSha256())) {
            throw new MeshException(
                    ErrorReason.TEACHER_MODEL_MISMATCH,
                    "teacher has another model: found="
                            + model.modelSha256()
                            + ", expected="
                            + expected,
                    Map.of("found", model.modelSha256(), "expected", expected));
        }
    }

    private static List<Long> imageShape(StreamOpen open, TeacherDescription model) {
        List<Long> shape = open.getImageShapeList();
        if (shape.isEmpty() && !model.inputShape().isEmpty()) {
            shape = model.inputShape().subList(1, model.inputShape().size());
        }
        if (shape.size() != 3 || shape.stream().anyMatch(size -> size < 1)) {
            throw new MeshException(
                    ErrorReason.TENSOR_SIZE_MISMATCH,
                    "image size is not known: found="
                            + shape
                            + ", expected=[C, H, W] in image_shape, all positive",
                    Map.of("found", shape.toString()));
        }
        Encodings.elementCount(shape);
        return List.copyOf(shape);
    }

    /**
     * Refuses images that the model could never be sent.
     *
     * @throws MeshException CREDIT_EXCEEDED; TENSOR_SIZE_MISMATCH if it is no shape
     */
    static void requireRoom(List<Long> imageShape, long streamBytes) {
        if (Encodings.elementCount(imageShape) > streamBytes - Integer.BYTES) {
            throw new MeshException(
                    ErrorReason.CREDIT_EXCEEDED,
                    "one image is more than a stream may hold: found="
                            + imageShape
                            + ", expected at most="
                            + streamBytes
                            + " bytes with its label",
                    Map.of("found", imageShape.toString()));
        }
    }

    private static @Nullable PixelNormalization normalization(
            StreamOpen open, List<Long> imageShape) {
        if (!open.hasNormalization()) {
            return null;
        }
        List<Float> mean = open.getNormalization().getMeanList();
        List<Float> std = open.getNormalization().getStdList();
        if (mean.size() != imageShape.get(0) || std.size() != imageShape.get(0)) {
            throw invalid(
                    "normalization has the wrong length: found="
                            + mean.size()
                            + " and "
                            + std.size()
                            + ", expected="
                            + imageShape.get(0)
                            + " channels");
        }
        try {
            return new PixelNormalization(mean, std);
        } catch (IllegalArgumentException e) {
            throw invalid(String.valueOf(e.getMessage()));
        }
    }

    private static void requireSane(StreamOpen open) {
        if (open.getTapsCount() == 0 && !open.getLogits()) {
            throw invalid("nothing is asked for: expected=a tap or the logits");
        }
        Set<String> names = new HashSet<>(Set.of(IMAGE, LABEL, BatchComputer.LOGITS));
        Set<String> sources = new HashSet<>();
        for (TapRequest tap : open.getTapsList()) {
            if (tap.getName().isEmpty() || !names.add(tap.getName())) {
                throw invalid("tap name is empty, reserved or used twice: found=" + tap.getName());
            }
            if (!sources.add(source(tap))) {
                throw invalid("tap is asked for twice: found=" + source(tap));
            }
            switch (tap.getEncoding()) {
                case ENCODING_SIGN_BITS, ENCODING_FLOAT32, ENCODING_FLOAT16 -> {}
                default ->
                        throw invalid(
                                "tap cannot be encoded so: tap="
                                        + tap.getName()
                                        + ", found="
                                        + tap.getEncoding()
                                        + ", expected=SIGN_BITS, FLOAT32 or FLOAT16");
            }
        }
    }

    private static String source(TapRequest tap) {
        return tap.getSource().isEmpty() ? tap.getName() : tap.getSource();
    }

    private static MeshException invalid(String message) {
        return new MeshException(ErrorReason.INVALID_REQUEST, message);
    }
}
