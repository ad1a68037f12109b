package io.abmesh.coordinator.cluster.resource;

import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.kubernetes.api.model.Namespaced;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.ShortNames;
import io.fabric8.kubernetes.model.annotation.Singular;
import io.fabric8.kubernetes.model.annotation.Version;

/** A plan that a cluster learns, and how far it has come. */
@Group(DistillationRun.GROUP)
@Version(DistillationRun.VERSION)
@Kind("DistillationRun")
@Singular("distillationrun")
@Plural(DistillationRun.PLURAL)
@ShortNames("drun")
@AdditionalPrinterColumn(
        name = "Phase",
        jsonPath = ".status.phase",
        type = AdditionalPrinterColumn.Type.STRING)
@AdditionalPrinterColumn(
        name = "Progress",
        jsonPath = ".status.progressPercent",
        type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
        name = "Remaining",
        jsonPath = ".status.remainingSeconds",
        type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
        name = "Accuracy",
        jsonPath = ".status.bestAccuracy",
        type = AdditionalPrinterColumn.Type.NUMBER)
@AdditionalPrinterColumn(
        name = "Students",
        jsonPath = ".status.workers.students",
        type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
        name = "Teachers",
        jsonPath = ".status.workers.teachers",
        type = AdditionalPrinterColumn.Type.INTEGER)
@AdditionalPrinterColumn(
        name = "Step",
        jsonPath = ".status.step",
        type = AdditionalPrinterColumn.Type.INTEGER,
        priority = 1)
@AdditionalPrinterColumn(
        name = "Agreement",
        jsonPath = ".status.agreement",
        type = AdditionalPrinterColumn.Type.NUMBER,
        priority = 1)
@AdditionalPrinterColumn(
        name = "Result",
        jsonPath = ".status.result.objects",
        type = AdditionalPrinterColumn.Type.STRING,
        priority = 1)
@AdditionalPrinterColumn(
        name = "Age",
        jsonPath = ".metadata.creationTimestamp",
        type = AdditionalPrinterColumn.Type.DATE)
public final class DistillationRun
        extends CustomResource<DistillationRunSpec, DistillationRunStatus> implements Namespaced {
    /** API group: {@value}. */
    public static final String GROUP = "abmesh.io";

    /** API version: {@value}. */
    public static final String VERSION = "v1alpha1";

    /** Name in URLs: {@value}. */
    public static final String PLURAL = "distillationruns";

    /** Made by the Kubernetes client. */
    public DistillationRun() {}

    /** A resource comes from the API server whole, or is given its spec by whoever makes it. */
    @Override
    @SuppressWarnings("NullAway") // the client's contract: null is "none yet"
    protected DistillationRunSpec initSpec() {
        return null;
    }

    @Override
    @SuppressWarnings("NullAway") // the client's contract: null is "none yet"
    protected DistillationRunStatus initStatus() {
        return null;
    }
}
