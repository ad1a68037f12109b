package io.abmesh.nn.export;

import static java.util.Objects.requireNonNull;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import io.abmesh.nn.network.ParameterSpec;
import io.abmesh.nn.teacher.PixelNormalization;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What is exported.
 *
 * @param network the student; nodes that the logits do not need (connectors) are left out of the
 *     files
 * @param tensors parameters and running statistics by name, as {@link NetworkSpec#parameters} names
 *     and shapes them; others are ignored
 * @param normalization of the pixels, one mean and std per channel
 * @param metadata written into the file, by key; keys start with {@code abmesh.}
 */
public record ExportedStudent(
        NetworkSpec network,
        Map<String, StoredTensor> tensors,
        PixelNormalization normalization,
        Map<String, String> metadata) {
    /** Metadata key of the version of the program. */
    public static final String VERSION_KEY = "abmesh.version";

    /** Metadata key of the plan's digest. */
    public static final String PLAN_KEY = "abmesh.plan_sha256";

    /** Metadata key of the network's name; set by the export. */
    public static final String NETWORK_KEY = "abmesh.network";

    /** Metadata key of the number of classes; set by the export. */
    public static final String CLASSES_KEY = "abmesh.classes";

    /** Metadata key of the names of the network's taps, separated by commas; set by the export. */
    public static final String TAPS_KEY = "abmesh.taps";

    /**
     * @throws ExportException with {@link ExportException.Reason#WRONG_PARAMETERS} if an array is
     *     missing, has another shape, or the normalisation has another number of channels
     */
    public ExportedStudent {
        requireNonNull(network, "network");
        requireNonNull(normalization, "normalization");
        tensors = Map.copyOf(tensors);
        metadata = Collections.unmodifiableMap(new TreeMap<>(metadata));
        for (ParameterSpec parameter : network.parameters()) {
            StoredTensor tensor = tensors.get(parameter.name());
            if (tensor == null || !tensor.shape().equals(parameter.shape())) {
                throw new ExportException(
                        ExportException.Reason.WRONG_PARAMETERS,
                        "student lacks an array: name="
                                + parameter.name()
                                + ", found="
                                + (tensor == null ? "none" : tensor.shape())
                                + ", expected="
                                + parameter.shape());
            }
        }
        int channels = network.inputShape().channels();
        if (normalization.mean().size() != channels) {
            throw new ExportException(
                    ExportException.Reason.WRONG_PARAMETERS,
                    "normalisation does not fit the image: found="
                            + normalization.mean().size()
                            + " channels, expected="
                            + channels);
        }
    }

    /** Returns an array that the network names. */
    StoredTensor tensor(String name) {
        return requireNonNull(tensors.get(name), name);
    }

    /** Returns the nodes that the logits need, in topological order, with the input first. */
    List<Node> nodes() {
        return network.needed(Set.of(network.logits()));
    }

    /** Returns the metadata with what the export knows by itself. */
    Map<String, String> allMetadata() {
        Map<String, String> all = new TreeMap<>(metadata);
        all.put(NETWORK_KEY, network.name());
        all.put(CLASSES_KEY, Integer.toString(network.classCount()));
        all.put(TAPS_KEY, String.join(",", network.taps()));
        return all;
    }
}
