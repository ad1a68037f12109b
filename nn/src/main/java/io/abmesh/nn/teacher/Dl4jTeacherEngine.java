package io.abmesh.nn.teacher;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A DL4J archive or a Keras model, computed by DL4J. A tap is what enters an activation, by the
 * name of the layer that is or has the activation; see {@link Dl4jTapGraph}.
 *
 * <p>The model must have one input of images. Its logits are the first output {@code [N, classes]};
 * where a softmax makes that output, or is built into its layer, the logits are what enters it.
 * Models that keep their channels last take and give {@code [N, C, H, W]} here like all others. A
 * model that leaves the image size open, as most DL4J archives do, is described like such an ONNX
 * model.
 *
 * <p>Each session has a network with parameters of its own, cut down to what its taps need. DL4J
 * keeps the memory of activations with the thread that infers, until that thread ends. ND4J counts
 * threads per process, so {@link TeacherOptions#intraOpThreads} has no say here; {@code
 * OMP_NUM_THREADS} has.
 */
public final class Dl4jTeacherEngine implements TeacherEngine {
    /** Name of this engine in descriptions. */
    public static final String NAME = "dl4j";

    private final Object lock = new Object();
    private final Dl4jModel model;
    private final Dl4jTapGraph graph;
    private final TeacherOptions options;
    private final TeacherDescription description;
    private final TapIndex index;

    @GuardedBy("lock")
    private final Set<Dl4jTeacherSession> sessions = new LinkedHashSet<>();

    @GuardedBy("lock")
    private boolean closed;

    private Dl4jTeacherEngine(ModelFile file, Dl4jModel model, TeacherOptions options) {
        this.model = model;
        this.options = options;
        this.graph = new Dl4jTapGraph(model);
        List<Long> inputShape = new ArrayList<>(List.of(ImageShapes.FREE));
        inputShape.addAll(model.imageShape());
        TapProbe probe = TapProbe.of(inputShape, this::shapes);
        List<TapCandidate> taps = probe.candidates(graph.activations());
        this.description =
                new TeacherDescription(
                        file.sha256(),
                        file.name(),
                        NAME,
                        model.configuration().getNetworkInputs().get(0),
                        inputShape,
                        taps,
                        probe.autoTaps(graph.activations()),
                        probe.width(graph.logits()),
                        TeacherDescription.RAW_PIXELS.equals(
                                model.metadata().get(TeacherDescription.INPUT_KEY)),
                        model.metadata());
        this.index = new TapIndex(taps);
    }

    /**
     * Opens a DL4J archive.
     *
     * @throws TeacherException if there is no such file, or it is damaged, not trusted, or no model
     *     that can be a teacher
     */
    public static Dl4jTeacherEngine openArchive(Path path, TeacherOptions options) {
        return openArchive(ModelFile.read(path), options);
    }

    static Dl4jTeacherEngine openArchive(ModelFile file, TeacherOptions options) {
        Dl4jHelpers.enable();
        return open(file, new Dl4jModelReader(file).archive(options.trusted()), options);
    }

    /**
     * Opens a Keras model in HDF5.
     *
     * @throws TeacherException if there is no such file, or it is damaged, or no model that can be
     *     a teacher
     */
    public static Dl4jTeacherEngine openKeras(Path path, TeacherOptions options) {
        return openKeras(ModelFile.read(path), options);
    }

    static Dl4jTeacherEngine openKeras(ModelFile file, TeacherOptions options) {
        Dl4jHelpers.enable();
        return open(file, new Dl4jModelReader(file).keras(), options);
    }

    private static Dl4jTeacherEngine open(ModelFile file, Dl4jModel model, TeacherOptions options) {
        try {
            return new Dl4jTeacherEngine(file, model, options);
        } catch (RuntimeException e) {
            model.release().run();
            throw e;
        }
    }

    @Override
    public TeacherDescription describe() {
        return description;
    }

    @Override
    public TeacherDescription describe(List<Long> imageShape) {
        TapProbe probe;
        synchronized (lock) {
            requireOpen();
            probe = TapProbe.at(description.inputShape(), imageShape, this::shapes);
        }
        return description.with(
                probe.candidates(graph.activations()),
                probe.autoTaps(graph.activations()),
                probe.width(graph.logits()));
    }

    @Override
    public TapCandidate resolve(String source) {
        return index.resolve(source);
    }

    @Override
    public TeacherSession open(List<String> sources, boolean wantsLogits, List<Long> imageShape) {
        SessionRequest request =
                SessionRequest.of(
                        description,
                        index,
                        Optional.of(graph.logits()),
                        sources,
                        wantsLogits,
                        imageShape);
        synchronized (lock) {
            requireOpen();
            Dl4jTeacherSession opened = session(request, this::forget);
            sessions.add(opened);
            return opened;
        }
    }

    @GuardedBy("lock")
    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("engine is closed: model=" + description.modelName());
        }
    }

    private Dl4jTeacherSession session(
            SessionRequest request, Consumer<Dl4jTeacherSession> onClose) {
        Dl4jNetwork network =
                new Dl4jNetwork(graph, model, request.tensors(), request.imageShape());
        try {
            return new Dl4jTeacherSession(
                    network, request, shapesFor(network), options.chunkSize(), onClose);
        } catch (RuntimeException | OutOfMemoryError e) {
            network.close();
            throw e;
        }
    }

    /** The model as such has been run before, so that what it does not take is the size. */
    private static Map<String, List<Long>> shapesFor(Dl4jNetwork network) {
        try {
            return network.sampleShapes();
        } catch (TeacherException e) {
            throw new TeacherException(
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                    String.valueOf(e.getMessage()),
                    e);
        }
    }

    @Override
    public void close() {
        List<Dl4jTeacherSession> open;
        synchronized (lock) {
            if (closed) {
                return;
            }
            closed = true;
            open = List.copyOf(sessions);
        }
        open.forEach(Dl4jTeacherSession::close);
        model.release().run();
    }

    private void forget(Dl4jTeacherSession session) {
        synchronized (lock) {
            sessions.remove(session);
        }
    }

    private Map<String, List<Long>> shapes(List<Long> image) {
        List<String> tensors =
                Stream.concat(
                                graph.activations().stream().map(TapProbe.Place::tensor),
                                Stream.of(graph.logits()))
                        .filter(
                                tensor ->
                                        !model.configuration().getNetworkInputs().contains(tensor))
                        .distinct()
                        .toList();
        try (Dl4jNetwork network = new Dl4jNetwork(graph, model, tensors, image)) {
            return new LinkedHashMap<>(network.sampleShapes());
        }
    }
}
