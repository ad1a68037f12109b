package io.abmesh.nn.teacher;

import java.io.File;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.FeedForwardLayer;
import org.deeplearning4j.nn.conf.preprocessor.CnnToFeedForwardPreProcessor;
import org.deeplearning4j.nn.conf.preprocessor.FeedForwardToCnnPreProcessor;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.modelimport.keras.Hdf5Archive;
import org.deeplearning4j.nn.modelimport.keras.KerasModelImport;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Reads what DL4J can read: its own archives of a {@code ComputationGraph} or a {@code
 * MultiLayerNetwork}, and Keras models in HDF5, functional or sequential.
 *
 * <p>The configuration in an archive names classes, which DL4J loads and calls; nothing of it is
 * given to DL4J unless the caller trusts it. A Keras file names layers out of DL4J's own list; its
 * {@code Lambda} layers hold code and are refused. An archive's normaliser and updater are left
 * alone.
 */
final class Dl4jModelReader {
    /** Entry of an archive with what it says of itself; DL4J ignores it. */
    private static final String METADATA_ENTRY = "abmesh.properties";

    private static final String KERAS_CONFIGURATION = "model_config";
    private static final int ENTRIES_TO_NAME = 5;

    private final ModelFile file;

    Dl4jModelReader(ModelFile file) {
        this.file = file;
    }

    /**
     * @throws TeacherException with {@link TeacherException.Reason#MODEL_UNREADABLE} if it is
     *     damaged or another ZIP file, {@link TeacherException.Reason#MODEL_NOT_TRUSTED}, or {@link
     *     TeacherException.Reason#MODEL_UNSUPPORTED}
     */
    Dl4jModel archive(boolean trusted) {
        JsonNode configuration;
        Map<String, String> metadata;
        try (ZipFile zip = new ZipFile(file.path().toFile())) {
            ZipEntry entry = zip.getEntry(ModelSerializer.CONFIGURATION_JSON);
            if (entry == null
                    || (zip.getEntry(ModelSerializer.COEFFICIENTS_BIN) == null
                            && zip.getEntry(ModelSerializer.NO_PARAMS_MARKER) == null)) {
                throw unreadable(
                        "not a DL4J archive: found="
                                + zip.stream()
                                        .map(ZipEntry::getName)
                                        .limit(ENTRIES_TO_NAME)
                                        .toList()
                                + ", expected=entries configuration.json and coefficients.bin",
                        null);
            }
            configuration = new ObjectMapper().readTree(zip.getInputStream(entry).readAllBytes());
            metadata = metadata(zip);
        } catch (JsonProcessingException e) {
            throw unreadable("not a DL4J archive: found=a configuration that is no JSON", e);
        } catch (IOException e) {
            throw unreadable(
                    "DL4J archive is damaged: found="
                            + file.bytes().length
                            + " bytes, "
                            + oneLine(e),
                    e);
        }
        if (!trusted) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_NOT_TRUSTED,
                    "DL4J archive is not trusted: found=trusted: false, expected=trusted: true under"
                            + " teacher in the plan (or --trusted) from someone who knows where it"
                            + " comes from, since its format names Java classes to load, path="
                            + file.path());
        }
        if (configuration.has("vertices")) {
            return of(read(() -> ModelSerializer.restoreComputationGraph(path(), false)), metadata);
        }
        if (configuration.has("confs")) {
            return of(
                    read(() -> ModelSerializer.restoreMultiLayerNetwork(path(), false)), metadata);
        }
        throw unreadable(
                "not a DL4J archive: found=a configuration without layers, expected=a"
                        + " ComputationGraph's or a MultiLayerNetwork's",
                null);
    }

    /**
     * @throws TeacherException with {@link TeacherException.Reason#MODEL_UNREADABLE} if it is
     *     damaged or another HDF5 file, or {@link TeacherException.Reason#MODEL_UNSUPPORTED}
     */
    Dl4jModel keras() {
        JsonNode configuration = read(this::kerasConfiguration);
        for (JsonNode layer : configuration.findParents("class_name")) {
            if (layer.path("class_name").asText().equals("Lambda")) {
                throw unsupported(
                        "Keras model has a Lambda layer: found="
                                + layer.path("config").path("name").asText("Lambda")
                                + ", expected=none, since it holds code");
            }
        }
        Dl4jModel model =
                configuration.path("class_name").asText().equals("Sequential")
                        ? of(
                                read(
                                        () ->
                                                KerasModelImport
                                                        .importKerasSequentialModelAndWeights(
                                                                path().toString(), false)),
                                Map.of())
                        : of(
                                read(
                                        () ->
                                                KerasModelImport.importKerasModelAndWeights(
                                                        path().toString(), false)),
                                Map.of());
        return new Dl4jModel(
                model.configuration(),
                model.layers(),
                kerasImage(configuration, model.channelsLast()),
                false,
                model.channelsLast(),
                Map.of(),
                model.release());
    }

    private JsonNode kerasConfiguration() throws Exception {
        try (Hdf5Archive archive = new Hdf5Archive(path().toString())) {
            if (!archive.hasAttribute(KERAS_CONFIGURATION)) {
                throw unreadable(
                        "not a Keras model: found=no attribute model_config, expected=a model saved"
                                + " whole, not its weights alone",
                        null);
            }
            return new ObjectMapper().readTree(archive.readAttributeAsJson(KERAS_CONFIGURATION));
        }
    }

    private List<Long> kerasImage(JsonNode configuration, boolean channelsLast) {
        JsonNode shape = configuration.findValue("batch_input_shape");
        if (shape == null) {
            shape = configuration.findValue("batch_shape");
        }
        if (shape == null || shape.size() != 4) {
            throw unsupported(
                    "model input: found=shape "
                            + shape
                            + ", expected=one input of images [N, H, W, C] or [N, C, H, W]");
        }
        List<Long> sizes = new ArrayList<>();
        for (int dimension : channelsLast ? new int[] {3, 1, 2} : new int[] {1, 2, 3}) {
            JsonNode size = shape.get(dimension);
            sizes.add(size.isNull() ? ImageShapes.FREE : size.asLong());
        }
        return sizes;
    }

    private File path() {
        return file.path().toFile();
    }

    private static Map<String, String> metadata(ZipFile zip) throws IOException {
        ZipEntry entry = zip.getEntry(METADATA_ENTRY);
        Map<String, String> metadata = new HashMap<>();
        if (entry != null) {
            Properties properties = new Properties();
            properties.load(
                    new StringReader(
                            new String(
                                    zip.getInputStream(entry).readAllBytes(),
                                    StandardCharsets.UTF_8)));
            properties.forEach((key, value) -> metadata.put((String) key, (String) value));
        }
        return metadata;
    }

    private Dl4jModel of(ComputationGraph graph, Map<String, String> metadata) {
        Map<String, Layer> layers = new HashMap<>();
        for (Layer layer : graph.getLayers()) {
            layers.put(layer.conf().getLayer().getLayerName(), layer);
        }
        return of(graph.getConfiguration().clone(), layers, metadata, graph::close);
    }

    /** A chain of layers is a graph whose vertices have one input each. */
    private Dl4jModel of(MultiLayerNetwork network, Map<String, String> metadata) {
        MultiLayerConfiguration chain = network.getLayerWiseConfigurations().clone();
        String last = "input";
        ComputationGraphConfiguration.GraphBuilder graph =
                new NeuralNetConfiguration.Builder()
                        .dataType(chain.getDataType())
                        .graphBuilder()
                        .addInputs(last);
        Map<String, Layer> layers = new HashMap<>();
        for (int i = 0; i < chain.getConfs().size(); i++) {
            org.deeplearning4j.nn.conf.layers.Layer layer = chain.getConf(i).getLayer();
            String name = layer.getLayerName();
            if (name == null || name.equals("input") || layers.containsKey(name)) {
                name = String.valueOf(i);
            }
            InputPreProcessor shape = chain.getInputPreProcess(i);
            graph.addLayer(name, layer, shape, last);
            layers.put(name, network.getLayer(i));
            last = name;
        }
        return of(
                graph.setOutputs(last).validateOutputLayerConfig(false).build(),
                layers,
                metadata,
                network::close);
    }

    private Dl4jModel of(
            ComputationGraphConfiguration configuration,
            Map<String, Layer> layers,
            Map<String, String> metadata,
            Runnable release) {
        if (configuration.getNetworkInputs().size() != 1) {
            throw unsupported(
                    "model input: found="
                            + configuration.getNetworkInputs()
                            + ", expected=one input of images");
        }
        boolean channelsLast =
                configuration.getVertices().values().stream()
                        .anyMatch(Dl4jModelReader::channelsLast);
        return withInput(
                new Dl4jModel(
                        configuration,
                        layers,
                        List.of(ImageShapes.FREE, ImageShapes.FREE, ImageShapes.FREE),
                        false,
                        channelsLast,
                        metadata,
                        release));
    }

    /** A convolution says so, and what flattens an image. */
    private static boolean channelsLast(GraphVertex vertex) {
        if (vertex instanceof LayerVertex layer
                && layer.getPreProcessor() instanceof CnnToFeedForwardPreProcessor flattened
                && flattened.getFormat() == CNN2DFormat.NHWC) {
            return true;
        }
        return Dl4jTapGraph.layer(vertex) instanceof ConvolutionLayer layer
                && layer.getCnn2dDataFormat() == CNN2DFormat.NHWC;
    }

    /** DL4J does not store what a graph takes; the first layer that cares about it tells. */
    private Dl4jModel withInput(Dl4jModel model) {
        ComputationGraphConfiguration graph = model.configuration();
        String at = graph.getNetworkInputs().get(0);
        while (true) {
            String from = at;
            String next =
                    graph.getVertexInputs().entrySet().stream()
                            .filter(entry -> entry.getValue().contains(from))
                            .map(Map.Entry::getKey)
                            .findFirst()
                            .orElseThrow(
                                    () ->
                                            unsupported(
                                                    "model input: found="
                                                            + from
                                                            + " that no convolution reads,"
                                                            + " expected=images"));
            GraphVertex vertex = graph.getVertices().get(next);
            if (vertex instanceof LayerVertex layer) {
                if (layer.getPreProcessor() instanceof FeedForwardToCnnPreProcessor flat) {
                    return withInput(
                            model,
                            List.of(
                                    flat.getNumChannels(),
                                    flat.getInputHeight(),
                                    flat.getInputWidth()),
                            true);
                }
                if (layer.getPreProcessor() instanceof CnnToFeedForwardPreProcessor image) {
                    return withInput(
                            model,
                            List.of(
                                    image.getNumChannels(),
                                    image.getInputHeight(),
                                    image.getInputWidth()),
                            false);
                }
            }
            org.deeplearning4j.nn.conf.layers.Layer layer = Dl4jTapGraph.layer(vertex);
            if (layer instanceof ConvolutionLayer || layer instanceof BatchNormalization) {
                return withInput(
                        model,
                        List.of(
                                ((FeedForwardLayer) layer).getNIn(),
                                ImageShapes.FREE,
                                ImageShapes.FREE),
                        false);
            }
            if (layer instanceof FeedForwardLayer dense) {
                throw unsupported(
                        "model input: found=vectors of "
                                + dense.getNIn()
                                + " that "
                                + next
                                + " takes, expected=images");
            }
            at = next;
        }
    }

    private static Dl4jModel withInput(Dl4jModel model, List<Long> image, boolean flat) {
        return new Dl4jModel(
                model.configuration(),
                model.layers(),
                image,
                flat,
                model.channelsLast(),
                model.metadata(),
                model.release());
    }

    /** DL4J fails with whatever exception its layers happen to throw, and HDF5 with its own. */
    private <T> T read(Callable<T> reading) {
        try {
            return reading.call();
        } catch (TeacherException e) {
            throw e;
        } catch (Exception e) {
            throw unreadable("DL4J cannot read the model: " + oneLine(e), e);
        } catch (LinkageError e) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNSUPPORTED,
                    "models of this format cannot be read on this platform: "
                            + oneLine(e)
                            + ", path="
                            + file.path(),
                    e);
        }
    }

    static String oneLine(Throwable e) {
        return (e.getClass().getSimpleName() + ": " + e.getMessage())
                .replaceAll("\\s+", " ")
                .strip();
    }

    private TeacherException unreadable(String message, @Nullable Throwable cause) {
        return new TeacherException(
                TeacherException.Reason.MODEL_UNREADABLE,
                message + ", path=" + file.path(),
                Map.of(),
                cause);
    }

    private TeacherException unsupported(String message) {
        return new TeacherException(
                TeacherException.Reason.MODEL_UNSUPPORTED, message + ", path=" + file.path());
    }
}
