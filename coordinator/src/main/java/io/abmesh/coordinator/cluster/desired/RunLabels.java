package io.abmesh.coordinator.cluster.desired;

import io.fabric8.kubernetes.api.model.HasMetadata;
import java.util.Map;
import java.util.Objects;

/** Labels by which the objects of a run find each other. */
public final class RunLabels {
    /** Which program: {@value}. */
    public static final String NAME = "app.kubernetes.io/name";

    /** Which part of it: {@value}. */
    public static final String COMPONENT = "app.kubernetes.io/component";

    /** Who made it: {@value}. */
    public static final String MANAGED_BY = "app.kubernetes.io/managed-by";

    /** Which run: {@value}. */
    public static final String RUN = "abmesh.io/run";

    /** Value of {@link #NAME}: {@value}. */
    public static final String ABMESH = "abmesh";

    /** Value of {@link #MANAGED_BY}, and name under which fields are applied: {@value}. */
    public static final String COORDINATOR = "abmesh-coordinator";

    private RunLabels() {}

    /** Returns the labels that select the pods of one role of a run. */
    static Map<String, String> selector(String run, String component) {
        return Map.of(NAME, ABMESH, COMPONENT, component, RUN, run);
    }

    /** Returns the labels of an object of a run. */
    static Map<String, String> of(String run, String component) {
        return Map.of(NAME, ABMESH, COMPONENT, component, RUN, run, MANAGED_BY, COORDINATOR);
    }

    /** Returns the labels that select the coordinator's pod. */
    static Map<String, String> coordinator() {
        return Map.of(NAME, ABMESH, COMPONENT, "coordinator");
    }

    /** Returns the selector of everything that runs have made, in the form of a query. */
    public static Map<String, String> managed() {
        return Map.of(NAME, ABMESH, MANAGED_BY, COORDINATOR);
    }

    /** Returns whether an object says that the operator made it. */
    public static boolean isManaged(HasMetadata object) {
        Map<String, String> labels = object.getMetadata().getLabels();
        return labels != null && COORDINATOR.equals(labels.get(MANAGED_BY));
    }

    /** Returns whether the operator made both objects, and for the same run. */
    public static boolean sameRun(HasMetadata one, HasMetadata two) {
        return isManaged(one)
                && isManaged(two)
                && Objects.equals(
                        one.getMetadata().getLabels().get(RUN),
                        two.getMetadata().getLabels().get(RUN));
    }
}
