package io.abmesh.coordinator.run;

import io.abmesh.coordinator.store.IncomingFile;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.coordinator.worker.ArtifactReceiver;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.v1.ArtifactHeader;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the files that a student publishes in their run's folder; up to {@value #MAX_BYTES} bytes
 * each. A file goes to the disk as it arrives, of which one message is in memory, and to its place
 * once its length and digest are right; of one that does not come so far nothing is left.
 */
public final class StoredArtifacts implements ArtifactReceiver {
    static final long MAX_BYTES = 1L << 30;
    private static final Logger LOG = Logger.getLogger(StoredArtifacts.class);
    private static final Set<String> NAMES = Set.of("student.onnx", "student.dl4j.zip");

    private final Function<String, RunFolder> folders;
    private final ToLongFunction<String> epochs;

    /**
     * Makes the receiver.
     *
     * @param folders finds a run's folder, or throws RUN_NOT_FOUND
     * @param epochs finds a run's membership epoch
     */
    public StoredArtifacts(Function<String, RunFolder> folders, ToLongFunction<String> epochs) {
        this.folders = folders;
        this.epochs = epochs;
    }

    @Override
    public StreamObserver<PublishArtifactRequest> receive(
            StreamObserver<PublishArtifactResponse> responses) {
        return new Reception(responses);
    }

    /** One file on its way. */
    private final class Reception implements StreamObserver<PublishArtifactRequest> {
        private final StreamObserver<PublishArtifactResponse> responses;
        private ArtifactHeader header = ArtifactHeader.getDefaultInstance();
        private @Nullable IncomingFile file;
        private boolean over;

        Reception(StreamObserver<PublishArtifactResponse> responses) {
            this.responses = responses;
        }

        @Override
        public void onNext(PublishArtifactRequest message) {
            if (over) {
                return; // sent before the client heard of the failure
            }
            try {
                take(message);
            } catch (IOException e) {
                throw ended(unwritable(e));
            } catch (RuntimeException e) {
                throw ended(e);
            }
        }

        @Override
        public void onError(Throwable cause) {
            discard();
        }

        @Override
        public void onCompleted() {
            if (over) {
                return;
            }
            try {
                finish();
            } catch (IOException e) {
                throw ended(unwritable(e));
            } catch (RuntimeException e) {
                throw ended(e);
            }
            discard();
            responses.onNext(PublishArtifactResponse.getDefaultInstance());
            responses.onCompleted();
        }

        private void take(PublishArtifactRequest message) throws IOException {
            IncomingFile current = file;
            if (message.hasHeader() && current == null) {
                header = checked(message.getHeader());
                RunFolder folder = folders.apply(header.getRunId());
                requireEpoch();
                file = folder.receive(header.getName());
            } else if (current != null && message.hasChunk()) {
                if (current.size() + message.getChunk().size() > header.getSizeBytes()) {
                    throw mismatch(header, current.size() + message.getChunk().size());
                }
                current.write(message.getChunk().asReadOnlyByteBuffer());
            } else {
                throw new MeshException(
                        ErrorReason.STREAM_PROTOCOL,
                        "file starts with another message: found="
                                + message.getMessageCase()
                                + ", expected=one header, then chunks");
            }
        }

        private void finish() throws IOException {
            IncomingFile current = file;
            if (current == null || current.size() != header.getSizeBytes()) {
                throw mismatch(header, current == null ? 0 : current.size());
            }
            String found = current.finish();
            if (!found.equals(header.getSha256())) {
                throw new MeshException(
                        ErrorReason.CHECKSUM_MISMATCH,
                        "file arrived damaged: name="
                                + header.getName()
                                + ", found="
                                + found
                                + ", expected="
                                + header.getSha256(),
                        Map.of("name", header.getName(), "found", found));
            }
            requireEpoch();
            current.publish();
        }

        /** A student that does not lead any more, and has not heard of it, changes no result. */
        private void requireEpoch() {
            long expected = epochs.applyAsLong(header.getRunId());
            if (header.getEpoch() != expected) {
                throw new MeshException(
                        ErrorReason.STALE_EPOCH,
                        "file is of another membership epoch: name="
                                + header.getName()
                                + ", found="
                                + header.getEpoch()
                                + ", expected="
                                + expected);
            }
        }

        private MeshException unwritable(IOException cause) {
            return RunStore.unusable(
                    folders.apply(header.getRunId()).file(header.getName()), cause);
        }

        private RuntimeException ended(RuntimeException cause) {
            discard();
            return cause;
        }

        private void discard() {
            over = true;
            try {
                if (file != null) {
                    file.close();
                }
            } catch (IOException e) {
                LogContext.NONE
                        .run(header.getRunId())
                        .during(
                                () ->
                                        LOG.warnf(
                                                "Part of a file is left name=%s cause=%s",
                                                header.getName(), e));
            }
        }
    }

    private static ArtifactHeader checked(ArtifactHeader header) {
        if (header.getSizeBytes() > MAX_BYTES) {
            throw new MeshException(
                    ErrorReason.MESSAGE_TOO_LARGE,
                    "file of a result is too large: name="
                            + header.getName()
                            + ", found="
                            + header.getSizeBytes()
                            + " bytes, max="
                            + MAX_BYTES
                            + "; take a smaller student");
        }
        if (!NAMES.contains(header.getName()) || header.getSizeBytes() < 1) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "not a file of a result: found="
                            + header.getName()
                            + " of "
                            + header.getSizeBytes()
                            + " bytes, expected="
                            + NAMES);
        }
        return header;
    }

    private static MeshException mismatch(ArtifactHeader header, long found) {
        return new MeshException(
                ErrorReason.STREAM_PROTOCOL,
                "file has another size: name="
                        + header.getName()
                        + ", found="
                        + found
                        + " bytes, expected="
                        + header.getSizeBytes());
    }
}
