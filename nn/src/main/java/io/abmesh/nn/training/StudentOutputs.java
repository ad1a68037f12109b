package io.abmesh.nn.training;

import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import java.util.ArrayList;
import java.util.List;

/**
 * A student with everything behind it that only training needs.
 *
 * @param network student, connectors and, where asked for, the linear map of pooled features
 * @param responses node that a loss reads at each tap, first to last: the connector, or the tap
 * @param mappedClasses width of the linear map; 0 without
 */
record StudentOutputs(NetworkSpec network, List<String> responses, int mappedClasses) {
    /** Start of the names of what is trained with a student and discarded after: {@value}. */
    static final String CONNECTOR = "connector.";

    StudentOutputs {
        responses = List.copyOf(responses);
    }

    /**
     * Adds connectors and map.
     *
     * @throws TapShapeException if a pair cannot be compared
     */
    static StudentOutputs of(StudentSetup setup) {
        List<Node> nodes = new ArrayList<>();
        List<String> responses = new ArrayList<>();
        for (int i = 0; i < setup.pairs().size(); i++) {
            TapPair pair = setup.pairs().get(i);
            if (!setup.connector().convolves(pair, setup.network().shape(pair.studentTap()))) {
                responses.add(pair.studentTap());
                continue;
            }
            String path = CONNECTOR + (i + 1);
            int channels = pair.teacherShape().channels();
            nodes.add(new Node.Convolution(path + ".0", pair.studentTap(), channels, 1, 1, 0, 1));
            nodes.add(new Node.BatchNorm(path + ".1", path + ".0"));
            responses.add(path + ".1");
        }
        if (setup.mappedClasses() > 0) {
            NetworkSpec network = setup.network();
            String pooled = network.node(network.logits()).inputs().get(0);
            nodes.add(new Node.Linear(CONNECTOR + "logits", pooled, setup.mappedClasses()));
        }
        return new StudentOutputs(setup.network().with(nodes), responses, setup.mappedClasses());
    }

    /**
     * Returns the node that yields logits of the teacher's classes.
     *
     * @throws IllegalArgumentException without a linear map
     */
    String mappedLogits() {
        if (mappedClasses == 0) {
            throw new IllegalArgumentException(
                    "a distance of logits needs the teacher's class count");
        }
        return CONNECTOR + "logits";
    }
}
