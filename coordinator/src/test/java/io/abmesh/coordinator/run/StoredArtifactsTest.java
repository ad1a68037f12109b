package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ArtifactHeader;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StoredArtifactsTest {
    private static final byte[] CONTENT = {1, 2, 3, 4, 5, 6, 7};

    /** Epoch in which the student leads. */
    private static final long EPOCH = 3;

    @TempDir Path directory;

    private long epoch = EPOCH;
    private final List<String> answers = new ArrayList<>();
    private final StreamObserver<PublishArtifactResponse> responses =
            new StreamObserver<>() {
                @Override
                public void onNext(PublishArtifactResponse response) {
                    answers.add("stored");
                }

                @Override
                public void onError(Throwable cause) {
                    answers.add("error");
                }

                @Override
                public void onCompleted() {
                    answers.add("completed");
                }
            };

    @Test
    void aFileAppearsOnceItIsWhole() throws Exception {
        StreamObserver<PublishArtifactRequest> requests = receive();
        requests.onNext(header("student.onnx", 7, sha256()));
        requests.onNext(chunk(0, 3));

        assertThat(directory.resolve("student.onnx")).doesNotExist();
        assertThat(files()).singleElement().asString().endsWith(".part");
        assertThat(Files.size(files().get(0))).as("bytes on the disk").isEqualTo(3);

        requests.onNext(chunk(3, 7));
        requests.onCompleted();

        assertThat(files()).containsExactly(directory.resolve("student.onnx"));
        assertThat(directory.resolve("student.onnx")).hasBinaryContent(CONTENT);
        assertThat(answers).containsExactly("stored", "completed");
    }

    @Test
    void aFileCanBeReadByWhomTheUsersOtherFilesCan() throws Exception {
        Path other = Files.writeString(directory.resolve("other"), "");
        StreamObserver<PublishArtifactRequest> requests = receive();
        requests.onNext(header("student.onnx", 7, sha256()));
        requests.onNext(chunk(0, 7));
        requests.onCompleted();

        assertThat(Files.getPosixFilePermissions(directory.resolve("student.onnx")))
                .isEqualTo(Files.getPosixFilePermissions(other));
    }

    @Test
    void aFileReplacesTheOneBefore() throws Exception {
        Files.writeString(directory.resolve("student.onnx"), "old");
        StreamObserver<PublishArtifactRequest> requests = receive();
        requests.onNext(header("student.onnx", 7, sha256()));
        requests.onNext(chunk(0, 7));
        requests.onCompleted();

        assertThat(directory.resolve("student.onnx")).hasBinaryContent(CONTENT);
    }

    @Test
    void aDamagedFileIsRefusedAndNothingIsLeft() throws IOException {
        StreamObserver<PublishArtifactRequest> requests = receive();
        requests.onNext(header("student.onnx", 7, "00"));
        requests.onNext(chunk(0, 7));

        assertThatThrownBy(requests::onCompleted)
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.CHECKSUM_MISMATCH))
                .hasMessageStartingWith("file arrived damaged: name=student.onnx, found=");
        assertThat(files()).isEmpty();
        assertThat(answers).isEmpty();
    }

    @Test
    void aFileOfAnotherLengthIsRefusedAndNothingIsLeft() throws Exception {
        StreamObserver<PublishArtifactRequest> shorter = receive();
        shorter.onNext(header("student.onnx", 7, sha256()));
        shorter.onNext(chunk(0, 3));
        assertThatThrownBy(shorter::onCompleted)
                .hasMessage("file has another size: name=student.onnx, found=3 bytes, expected=7");

        StreamObserver<PublishArtifactRequest> longer = receive();
        longer.onNext(header("student.onnx", 5, sha256()));
        longer.onNext(chunk(0, 4));
        assertThatThrownBy(() -> longer.onNext(chunk(4, 7)))
                .hasMessage("file has another size: name=student.onnx, found=7 bytes, expected=5");
        longer.onNext(chunk(0, 1)); // was under way already
        longer.onCompleted();

        assertThat(files()).isEmpty();
        assertThat(answers).isEmpty();
    }

    @Test
    void aClientThatGoesAwayLeavesNothing() throws Exception {
        StreamObserver<PublishArtifactRequest> requests = receive();
        requests.onNext(header("student.onnx", 7, sha256()));
        requests.onNext(chunk(0, 3));
        requests.onError(new IOException("gone"));

        assertThat(files()).isEmpty();
    }

    @Test
    void onlyFilesOfAResultAreTaken() {
        assertThatThrownBy(() -> receive().onNext(header("../run.json", 7, "00")))
                .hasMessageStartingWith("not a file of a result: found=../run.json of 7 bytes");
        assertThatThrownBy(() -> receive().onNext(header("student.onnx", 1L << 40, "00")))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.MESSAGE_TOO_LARGE))
                .hasMessage(
                        "file of a result is too large: name=student.onnx, found=1099511627776"
                                + " bytes, max=1073741824; take a smaller student");
        assertThatThrownBy(() -> receive().onNext(chunk(0, 3)))
                .hasMessage(
                        "file starts with another message: found=CHUNK, expected=one header, then chunks");
    }

    @Test
    void aStudentThatDoesNotLeadAnyMoreChangesNoResult() throws IOException {
        epoch = EPOCH + 1;
        assertThatThrownBy(() -> receive().onNext(header("student.onnx", 7, "00")))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.STALE_EPOCH))
                .hasMessage(
                        "file is of another membership epoch: name=student.onnx, found=3,"
                                + " expected=4");
        assertThat(files()).isEmpty();
    }

    @Test
    void aFolderThatCannotBeWrittenIsNamed() throws IOException {
        StreamObserver<PublishArtifactRequest> requests = receive();
        Files.delete(directory);

        assertThatThrownBy(() -> requests.onNext(header("student.onnx", 7, "00")))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.STORE_FULL));
        Files.createDirectory(directory);
    }

    private StreamObserver<PublishArtifactRequest> receive() {
        RunFolder folder = TestingRuns.folder(directory, TestingPlans.supervised());
        return new StoredArtifacts(id -> folder, id -> epoch).receive(responses);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.toList();
        }
    }

    private static PublishArtifactRequest header(String name, long size, String sha256) {
        return PublishArtifactRequest.newBuilder()
                .setHeader(
                        ArtifactHeader.newBuilder()
                                .setRunId("run")
                                .setName(name)
                                .setSizeBytes(size)
                                .setSha256(sha256)
                                .setEpoch(EPOCH))
                .build();
    }

    private static PublishArtifactRequest chunk(int from, int to) {
        return PublishArtifactRequest.newBuilder()
                .setChunk(ByteString.copyFrom(CONTENT, from, to - from))
                .build();
    }

    private static String sha256() throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(CONTENT));
    }
}
