package io.abmesh.student.run;

import io.abmesh.nn.checkpoint.CheckpointException;
import io.abmesh.nn.export.ExportException;
import io.abmesh.nn.network.NetworkException;
import io.abmesh.nn.training.NonFiniteLossException;
import io.abmesh.nn.training.TapShapeException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.Map;
import java.util.UUID;
import org.jboss.logging.Logger;

/** Gives what the mathematics throws its name in the catalogue. */
final class StudentFailures {
    private static final Logger LOG = Logger.getLogger(StudentFailures.class);

    private StudentFailures() {}

    /** Returns the named failure; an unnamed one is logged here, once, under the id it carries. */
    static MeshException of(RuntimeException failure) {
        if (failure instanceof MeshException named) {
            return named;
        }
        if (failure instanceof NonFiniteLossException) {
            return named(ErrorReason.LOSS_NOT_FINITE, failure);
        }
        if (failure instanceof TapShapeException) {
            return named(ErrorReason.TAP_SHAPE_MISMATCH, failure);
        }
        if (failure instanceof NetworkException) {
            return named(ErrorReason.INVALID_PLAN, failure);
        }
        if (failure instanceof CheckpointException checkpoint) {
            return named(
                    switch (checkpoint.reason()) {
                        case CORRUPT -> ErrorReason.CHECKPOINT_CORRUPT;
                        case STORE_FULL -> ErrorReason.STORE_FULL;
                        case UNWRITABLE, UNREADABLE -> ErrorReason.INTERNAL;
                    },
                    failure);
        }
        if (failure instanceof ExportException export) {
            return named(
                    switch (export.reason()) {
                        case EXPORT_MISMATCH -> ErrorReason.EXPORT_MISMATCH;
                        case UNWRITABLE -> ErrorReason.STORE_FULL;
                        case WRONG_PARAMETERS -> ErrorReason.INTERNAL;
                    },
                    failure);
        }
        String id = UUID.randomUUID().toString();
        LOG.error("Run failed error=" + id, failure);
        return new MeshException(
                ErrorReason.INTERNAL,
                "student failed, see its log: error=" + id,
                Map.of("error", id),
                failure);
    }

    private static MeshException named(ErrorReason reason, RuntimeException failure) {
        return new MeshException(reason, String.valueOf(failure.getMessage()), Map.of(), failure);
    }
}
