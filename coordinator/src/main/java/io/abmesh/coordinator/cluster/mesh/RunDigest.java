package io.abmesh.coordinator.cluster.mesh;

import io.abmesh.coordinator.store.Journal;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.StepCommitted;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;

/** What the journal of a run comes to in a few numbers; reads on where it stopped. */
final class RunDigest {
    /** Tracks that are trained only to compare with. */
    private static final Set<String> COMPARED = Set.of("cross-entropy", "last-phase-only");

    private int read;
    private double imagesPerSecond;
    private Optional<Double> bestAccuracy = Optional.empty();
    private Optional<Double> agreement = Optional.empty();

    synchronized void read(Journal journal) throws IOException {
        for (int count = journal.count(); read < count; read++) {
            RunEvent event = journal.read(read);
            if (event.hasStepCommitted()) {
                step(event.getStepCommitted());
            } else if (event.hasEvaluated()
                    && !COMPARED.contains(event.getEvaluated().getTrack())) {
                double accuracy = event.getEvaluated().getAccuracy();
                bestAccuracy = Optional.of(Math.max(accuracy, bestAccuracy.orElse(accuracy)));
            }
        }
    }

    private void step(StepCommitted step) {
        imagesPerSecond = step.getImagesPerSecond();
        step.getAgreementList().stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .ifPresent(mean -> agreement = Optional.of(mean));
    }

    synchronized double imagesPerSecond() {
        return imagesPerSecond;
    }

    synchronized Optional<Double> bestAccuracy() {
        return bestAccuracy;
    }

    synchronized Optional<Double> agreement() {
        return agreement;
    }
}
