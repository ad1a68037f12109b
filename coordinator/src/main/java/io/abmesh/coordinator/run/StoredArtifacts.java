package io.abmesh.coordinator.run;

import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.coordinator.worker.ArtifactReceiver;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ArtifactHeader;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the files that a student publishes in their run's folder; up to {@value #MAX_BYTES} bytes
 * each.
 */
public final class StoredArtifacts implements ArtifactReceiver {
    static final int MAX_BYTES = 256 << 20;
    private static final Set<String> NAMES = Set.of("student.onnx", "student.dl4j.zip");

    private final Function<String, RunFolder> folders;

    /**
     * Makes the receiver.
     *
     * @param folders finds a run's folder, or throws RUN_NOT_FOUND
     */
    public StoredArtifacts(Function<String, RunFolder> folders) {
        this.folders = folders;
    }

    @Override
    public StreamObserver<PublishArtifactRequest> receive(
            StreamObserver<PublishArtifactResponse> responses) {
        return new StreamObserver<>() {
            private final ByteArrayOutputStream content = new ByteArrayOutputStream();
            private @Nullable ArtifactHeader header;

            @Override
            public void onNext(PublishArtifactRequest message) {
                if (message.hasHeader() && header == null) {
                    header = checked(message.getHeader());
                } else if (header != null && !message.hasHeader()) {
                    if (content.size() + message.getChunk().size() > header.getSizeBytes()) {
                        throw mismatch(header, content.size() + message.getChunk().size());
                    }
                    content.writeBytes(message.getChunk().toByteArray());
                } else {
                    throw new MeshException(
                            ErrorReason.STREAM_PROTOCOL,
                            "file starts with another message: found="
                                    + message.getMessageCase()
                                    + ", expected=one header, then chunks");
                }
            }

            @Override
            public void onError(Throwable cause) {
                content.reset();
            }

            @Override
            public void onCompleted() {
                if (header == null || content.size() != header.getSizeBytes()) {
                    throw mismatch(
                            header == null ? ArtifactHeader.getDefaultInstance() : header,
                            content.size());
                }
                store(header, content.toByteArray());
                responses.onNext(PublishArtifactResponse.getDefaultInstance());
                responses.onCompleted();
            }
        };
    }

    private ArtifactHeader checked(ArtifactHeader header) {
        if (!NAMES.contains(header.getName())
                || header.getSizeBytes() < 1
                || header.getSizeBytes() > MAX_BYTES) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "not a file of a result: found="
                            + header.getName()
                            + " of "
                            + header.getSizeBytes()
                            + " bytes, expected="
                            + NAMES
                            + " of at most "
                            + MAX_BYTES);
        }
        var unused = folders.apply(header.getRunId());
        return header;
    }

    private void store(ArtifactHeader header, byte[] content) {
        String found = sha256(content);
        if (!found.equals(header.getSha256())) {
            throw new MeshException(
                    ErrorReason.CHECKSUM_MISMATCH,
                    "file arrived damaged: name="
                            + header.getName()
                            + ", found="
                            + found
                            + ", expected="
                            + header.getSha256());
        }
        RunFolder folder = folders.apply(header.getRunId());
        try {
            folder.publish(header.getName(), content);
        } catch (IOException e) {
            throw RunStore.unwritable(folder.file(header.getName()), e);
        }
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

    private static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
