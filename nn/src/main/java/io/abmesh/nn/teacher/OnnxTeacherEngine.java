package io.abmesh.nn.teacher;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.nn.onnx.OnnxActivation;
import io.abmesh.nn.onnx.OnnxActivationFinder;
import io.abmesh.nn.onnx.OnnxFormatException;
import io.abmesh.nn.onnx.OnnxModel;
import io.abmesh.nn.onnx.OnnxTokenOutput;
import io.abmesh.nn.onnx.OnnxTrainingMode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import onnx.Onnx.NodeProto;
import onnx.Onnx.ValueInfoProto;
import org.jspecify.annotations.Nullable;

/**
 * An ONNX model in ONNX Runtime. A tap is the tensor that enters an activation, or a transformer's
 * token output; the graph is edited in memory to put it out, the file is never written.
 *
 * <p>The model must have one input {@code [N, C, H, W]} of float32 and compute as in inference. Its
 * logits are the first output {@code [N, classes]}; where a softmax makes that output, the logits
 * are what enters it. Shapes are found by running one black image of the declared size, or of that
 * of the images to come, with every candidate put out. A model that leaves the image size open
 * tells no shapes by itself; {@code auto} is then decided at the first of 224, 64, 32 and 28 pixels
 * that the model runs at.
 *
 * <p>The digest is of the file itself; of a model that keeps weights in files beside it, of all of
 * them.
 */
public final class OnnxTeacherEngine implements TeacherEngine {
    /** Name of this engine in descriptions. */
    public static final String NAME = "onnxruntime";

    /** Operators behind which a tensor has the same values in another shape or type. */
    private static final Set<String> SAME_VALUES =
            Set.of(
                    "Identity",
                    "Cast",
                    "Reshape",
                    "Flatten",
                    "Squeeze",
                    "QuantizeLinear",
                    "DequantizeLinear");

    private final Object lock = new Object();
    private final OnnxModel model;
    private final TeacherOptions options;
    private final OnnxRuntimeSessions runtime;
    private final Optional<String> logits;
    private final List<TapProbe.Place> places;
    private final TeacherDescription description;
    private final TapIndex index;

    @GuardedBy("lock")
    private final Set<OnnxTeacherSession> sessions = new LinkedHashSet<>();

    @GuardedBy("lock")
    private boolean closed;

    private OnnxTeacherEngine(ModelFile file, OnnxModel model, TeacherOptions options) {
        this.model = model;
        this.options = options;
        this.runtime =
                new OnnxRuntimeSessions(
                        options,
                        Optional.ofNullable(file.path().toAbsolutePath().getParent())
                                .orElse(file.path()));
        requireInference(model);
        ValueInfoProto input = imageInput(model);
        List<Long> inputShape = OnnxModel.declaredShape(input);
        this.logits = logitsTensor(model);
        this.places = places(model, logits);
        TapProbe probe =
                probe(shapes -> TapProbe.of(inputShape, shapes), input.getName(), inputShape);
        List<TapCandidate> taps = probe.candidates(places);
        List<String> autoTaps = probe.autoTaps(places);
        this.description =
                new TeacherDescription(
                        file.sha256(model.externalFiles()),
                        file.name(),
                        NAME,
                        input.getName(),
                        inputShape,
                        taps,
                        autoTaps,
                        logits.map(probe::width).orElse(0),
                        TeacherDescription.RAW_PIXELS.equals(
                                model.metadata().get(TeacherDescription.INPUT_KEY)),
                        model.metadata());
        this.index = new TapIndex(taps);
    }

    /**
     * Opens a model.
     *
     * @throws TeacherException if there is no such file, or it is damaged, or no model that can be
     *     a teacher
     */
    public static OnnxTeacherEngine open(Path path, TeacherOptions options) {
        return open(ModelFile.read(path), options);
    }

    static OnnxTeacherEngine open(ModelFile file, TeacherOptions options) {
        try {
            return new OnnxTeacherEngine(file, OnnxModel.parse(file.bytes()), options);
        } catch (OnnxFormatException e) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNREADABLE,
                    e.getMessage() + ", path=" + file.path(),
                    e);
        }
    }

    @Override
    public TeacherDescription describe() {
        return description;
    }

    @Override
    public TeacherDescription describe(List<Long> imageShape) {
        List<Long> inputShape = description.inputShape();
        TapProbe probe =
                probe(
                        shapes -> TapProbe.at(inputShape, imageShape, shapes),
                        description.input(),
                        inputShape);
        return description.with(
                probe.candidates(places),
                probe.autoTaps(places),
                logits.map(probe::width).orElse(0));
    }

    @Override
    public TapCandidate resolve(String source) {
        return index.resolve(source);
    }

    @Override
    public TeacherSession open(List<String> sources, boolean wantsLogits, List<Long> imageShape) {
        SessionRequest request =
                SessionRequest.of(description, index, logits, sources, wantsLogits, imageShape);
        OrtSession session =
                runtime.create(model.withOutputs(request.tensors().stream().distinct().toList()));
        OnnxTeacherSession opened;
        try {
            opened =
                    new OnnxTeacherSession(
                            runtime.environment(),
                            session,
                            description.input(),
                            request,
                            shapesFor(session, imageShape),
                            fixedBatch(),
                            options.chunkSize(),
                            this::forget);
        } catch (RuntimeException | OutOfMemoryError e) {
            closeQuietly(session, e);
            throw e;
        }
        synchronized (lock) {
            if (closed) {
                opened.close();
                throw new IllegalStateException(
                        "engine is closed: model=" + description.modelName());
            }
            sessions.add(opened);
        }
        return opened;
    }

    @Override
    public void close() {
        List<OnnxTeacherSession> open;
        synchronized (lock) {
            closed = true;
            open = List.copyOf(sessions);
        }
        open.forEach(OnnxTeacherSession::close);
    }

    private void forget(OnnxTeacherSession session) {
        synchronized (lock) {
            sessions.remove(session);
        }
    }

    /** An answer that depends on other images can be neither cached nor computed again. */
    private static void requireInference(OnnxModel model) {
        Optional<NodeProto> training = OnnxTrainingMode.find(model);
        if (training.isPresent()) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNSUPPORTED,
                    "model is in training mode: found=%s %s, expected=a model exported for inference"
                            .formatted(
                                    training.get().getOpType(),
                                    training.get().getName().isEmpty()
                                            ? training.get().getOutput(0)
                                            : training.get().getName()));
        }
    }

    private static ValueInfoProto imageInput(OnnxModel model) {
        List<ValueInfoProto> inputs = model.inputs();
        if (inputs.size() != 1) {
            throw unsupportedInput(
                    inputs.size()
                            + " inputs "
                            + inputs.stream().map(ValueInfoProto::getName).toList());
        }
        ValueInfoProto input = inputs.get(0);
        List<Long> shape = OnnxModel.declaredShape(input);
        if (!OnnxModel.isFloat32(input)) {
            throw unsupportedInput(
                    input.getName()
                            + " of element type "
                            + input.getType().getTensorType().getElemType());
        }
        if (shape.size() != 4) {
            throw unsupportedInput(input.getName() + " of shape " + shape);
        }
        boolean channelsLast =
                (shape.get(3) == 1 || shape.get(3) == 3) && shape.get(1) > shape.get(3);
        if (channelsLast) {
            throw unsupportedInput(
                    input.getName() + " of shape " + shape + ", which looks like [N, H, W, C]");
        }
        return input;
    }

    private static TeacherException unsupportedInput(String found) {
        return new TeacherException(
                TeacherException.Reason.MODEL_UNSUPPORTED,
                "model input: found=" + found + ", expected=one float32 input [N, C, H, W]");
    }

    /**
     * The first output of rank two, or of undeclared rank; what enters its softmax if it has one,
     * be it that its probabilities change their shape or their type on the way out.
     */
    private static Optional<String> logitsTensor(OnnxModel model) {
        return model.outputs().stream()
                .filter(OnnxModel::isFloat32)
                .filter(
                        output -> {
                            int rank = OnnxModel.declaredShape(output).size();
                            return rank == 2 || rank == 0;
                        })
                .map(ValueInfoProto::getName)
                .findFirst()
                .map(name -> softmaxInput(model, name).orElse(name));
    }

    private static Optional<String> softmaxInput(OnnxModel model, String output) {
        String tensor = output;
        for (int i = 0; i < model.nodes().size(); i++) { // a cycle is ONNX Runtime's to refuse
            Optional<NodeProto> node = model.producer(tensor).filter(n -> n.getInputCount() > 0);
            if (node.isEmpty() || isSoftmax(node.get())) {
                return node.map(softmax -> softmax.getInput(0));
            }
            if (!SAME_VALUES.contains(node.get().getOpType())) {
                break;
            }
            tensor = node.get().getInput(0);
        }
        return Optional.empty();
    }

    /** Activations, then what a transformer's classifier reads. */
    private static List<TapProbe.Place> places(OnnxModel model, Optional<String> logits) {
        List<OnnxActivation> activations = new OnnxActivationFinder(model).find();
        Optional<OnnxActivation> token = logits.flatMap(new OnnxTokenOutput(model)::find);
        return Stream.concat(activations.stream(), token.stream())
                .map(a -> new TapProbe.Place(a.name(), a.tensor(), a.kind(), a.residual()))
                .toList();
    }

    private static boolean isSoftmax(NodeProto node) {
        return node.getOpType().equals("Softmax") || node.getOpType().equals("LogSoftmax");
    }

    private TapProbe probe(
            Function<Function<List<Long>, Map<String, List<Long>>>, TapProbe> run,
            String input,
            List<Long> inputShape) {
        List<String> tensors =
                Stream.concat(places.stream().map(TapProbe.Place::tensor), logits.stream())
                        .distinct()
                        .toList();
        if (tensors.isEmpty()) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNSUPPORTED,
                    "model has nothing to learn from: found=no activation and no output [N, classes], expected=one of them");
        }
        OrtSession session = runtime.create(model.withOutputs(tensors));
        try {
            return run.apply(image -> shapes(session, input, inputShape, image));
        } finally {
            closeQuietly(session, null);
        }
    }

    private int fixedBatch() {
        return (int) Math.max(0, description.inputShape().get(0));
    }

    /**
     * Runs black images and returns the sample shape of every output of float32 that has one row
     * per image.
     */
    private Map<String, List<Long>> shapes(
            OrtSession session, String input, List<Long> inputShape, List<Long> imageShape) {
        long batch = Math.max(1, inputShape.get(0));
        int elements = Math.toIntExact(batch * FloatTensor.product(imageShape));
        long[] shape = {batch, imageShape.get(0), imageShape.get(1), imageShape.get(2)};
        try (OnnxTensor black =
                        OnnxTensor.createTensor(
                                runtime.environment(), PixelInput.floats(elements), shape);
                OrtSession.Result result = session.run(Map.of(input, black))) {
            Map<String, List<Long>> shapes = new LinkedHashMap<>();
            for (Map.Entry<String, OnnxValue> output : result) {
                if (output.getValue().getInfo() instanceof TensorInfo info
                        && info.type == OnnxJavaType.FLOAT
                        && info.getShape().length > 1
                        && info.getShape()[0] == batch) {
                    shapes.put(
                            output.getKey(),
                            Arrays.stream(info.getShape()).skip(1).boxed().toList());
                }
            }
            return shapes;
        } catch (OrtException e) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNSUPPORTED,
                    "ONNX Runtime cannot run the model on one image: shape="
                            + imageShape
                            + ", "
                            + OnnxRuntimeSessions.oneLine(e),
                    e);
        }
    }

    /** The model as such has been run before, so that what it does not take is the size. */
    private Map<String, List<Long>> shapesFor(OrtSession session, List<Long> imageShape) {
        try {
            return shapes(session, description.input(), description.inputShape(), imageShape);
        } catch (TeacherException e) {
            throw new TeacherException(
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                    String.valueOf(e.getMessage()),
                    e);
        }
    }

    private static void closeQuietly(OrtSession session, @Nullable Throwable cause) {
        try {
            session.close();
        } catch (OrtException e) {
            if (cause != null) {
                cause.addSuppressed(e);
            }
        }
    }
}
