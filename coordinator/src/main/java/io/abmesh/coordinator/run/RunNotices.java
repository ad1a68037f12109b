package io.abmesh.coordinator.run;

import io.abmesh.coordinator.meter.RunMeters;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.RunEvent;
import org.jboss.logging.Logger;

/** Logs each notice of a run, counts it and adds it to the run's events. */
final class RunNotices implements Notices {
    private static final Logger LOG = Logger.getLogger(RunNotices.class);

    private final RunRecord record;
    private final RunMeters meters;

    RunNotices(RunRecord record, RunMeters meters) {
        this.record = record;
        this.meters = meters;
    }

    /**
     * {@inheritDoc}
     *
     * @throws io.abmesh.proto.error.MeshException STORE_FULL if the journal cannot be written; it
     *     is logged and counted all the same
     */
    @Override
    public void notice(String reason, String message) {
        meters.noticed(reason);
        LOG.infof("Notice reason=%s: %s", reason, message);
        record.append(
                RunEvent.newBuilder()
                        .setNotice(
                                Notice.newBuilder()
                                        .setReason(reason)
                                        .setMessage(FailureTexts.cut(message))));
    }
}
