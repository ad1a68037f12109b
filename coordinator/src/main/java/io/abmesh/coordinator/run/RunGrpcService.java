package io.abmesh.coordinator.run;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.CancelRunRequest;
import io.abmesh.proto.v1.CancelRunResponse;
import io.abmesh.proto.v1.ExpandStudyRequest;
import io.abmesh.proto.v1.ExpandStudyResponse;
import io.abmesh.proto.v1.FetchArtifactRequest;
import io.abmesh.proto.v1.FetchArtifactResponse;
import io.abmesh.proto.v1.GetRunRequest;
import io.abmesh.proto.v1.GetRunResponse;
import io.abmesh.proto.v1.ListRunsRequest;
import io.abmesh.proto.v1.ListRunsResponse;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.SubmitRunRequest;
import io.abmesh.proto.v1.SubmitRunResponse;
import io.abmesh.proto.v1.ValidatePlanRequest;
import io.abmesh.proto.v1.ValidatePlanResponse;
import io.abmesh.proto.v1.WatchRunRequest;
import io.abmesh.proto.v1.WatchRunResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/** Plans and runs, for people and their tools. */
public final class RunGrpcService extends RunServiceGrpc.RunServiceImplBase {
    private static final int CHUNK = 1 << 20;
    private static final int DEFAULT_PAGE = 100;
    private static final int MAX_PAGE = 1000;

    private final Runs runs;
    private final Loop loop;
    private final BlockingCalls checks;
    private final ResponseSender sender;

    /**
     * Makes the service.
     *
     * @param checks answers what reads data sets; borrowed
     * @param sender writes files only while the client reads; borrowed
     */
    public RunGrpcService(Runs runs, Loop loop, BlockingCalls checks, ResponseSender sender) {
        this.runs = runs;
        this.loop = loop;
        this.checks = checks;
        this.sender = sender;
    }

    @Override
    public void validatePlan(
            ValidatePlanRequest request, StreamObserver<ValidatePlanResponse> observer) {
        checks.answer(
                observer,
                () -> {
                    Path base = base(request.getBaseDirectory());
                    CompletePlan plan =
                            runs.validate(request.getPlanYaml(), request.getOverridesList(), base);
                    return ValidatePlanResponse.newBuilder()
                            .setPlanSha256(plan.sha256())
                            .addAllWarnings(plan.warnings())
                            .setPlan(plan.resolved(base))
                            .build();
                });
    }

    @Override
    public void expandStudy(
            ExpandStudyRequest request, StreamObserver<ExpandStudyResponse> observer) {
        checks.answer(
                observer,
                () ->
                        runs.expand(
                                request.getStudyYaml(),
                                request.getOverridesList(),
                                base(request.getBaseDirectory())));
    }

    @Override
    public void submitRun(SubmitRunRequest request, StreamObserver<SubmitRunResponse> observer) {
        if (request.getRequestId().isBlank()) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "request_id: found=nothing, expected=a name of the client's choice");
        }
        checks.answer(
                observer,
                () -> {
                    RunRecord record =
                            runs.submit(
                                    request.getRequestId(),
                                    request.getPlanYaml(),
                                    request.getOverridesList(),
                                    base(request.getBaseDirectory()));
                    return SubmitRunResponse.newBuilder()
                            .setRun(record.snapshot())
                            .addAllWarnings(record.folder().plan().warnings())
                            .build();
                });
    }

    @Override
    public void getRun(GetRunRequest request, StreamObserver<GetRunResponse> observer) {
        answer(
                observer,
                GetRunResponse.newBuilder()
                        .setRun(runs.record(request.getRunId()).snapshot())
                        .build());
    }

    @Override
    public void listRuns(ListRunsRequest request, StreamObserver<ListRunsResponse> observer) {
        List<Run> all = runs.list();
        int size =
                request.getPageSize() <= 0
                        ? DEFAULT_PAGE
                        : Math.min(MAX_PAGE, request.getPageSize());
        int from = 0;
        if (!request.getPageToken().isEmpty()) {
            from = 1 + all.stream().map(Run::getRunId).toList().indexOf(request.getPageToken());
        }
        List<Run> page = all.subList(Math.min(from, all.size()), Math.min(from + size, all.size()));
        ListRunsResponse.Builder response = ListRunsResponse.newBuilder().addAllRuns(page);
        if (from + size < all.size()) {
            response.setNextPageToken(page.get(page.size() - 1).getRunId());
        }
        answer(observer, response.build());
    }

    @Override
    public void watchRun(WatchRunRequest request, StreamObserver<WatchRunResponse> observer) {
        RunRecord record = runs.record(request.getRunId());
        new RunWatch(
                        record,
                        loop,
                        (ServerCallStreamObserver<WatchRunResponse>) observer,
                        () -> runs.workers(record),
                        request.getAfterEvent())
                .start();
    }

    @Override
    public void cancelRun(CancelRunRequest request, StreamObserver<CancelRunResponse> observer) {
        RunRecord record = runs.record(request.getRunId());
        runs.cancel(record);
        loop.execute(
                () ->
                        answer(
                                observer,
                                CancelRunResponse.newBuilder().setRun(record.snapshot()).build()));
    }

    @Override
    public void fetchArtifact(
            FetchArtifactRequest request, StreamObserver<FetchArtifactResponse> observer) {
        RunRecord record = runs.record(request.getRunId());
        Path file = record.folder().file(request.getName());
        if (!RunFolder.RESULT.contains(request.getName()) || !Files.isRegularFile(file)) {
            throw new MeshException(
                    ErrorReason.ARTIFACT_NOT_FOUND,
                    "run has no such file: found="
                            + request.getName()
                            + ", known="
                            + RunFolder.RESULT,
                    Map.of("run_id", request.getRunId(), "name", request.getName()));
        }
        try {
            Chunks chunks = new Chunks(Files.newInputStream(file));
            sender.send(observer, chunks, chunks::close);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A file in messages of at most 1 MiB. */
    private static final class Chunks implements Iterator<FetchArtifactResponse>, AutoCloseable {
        private final InputStream input;
        private ByteString next;

        Chunks(InputStream input) {
            this.input = input;
            this.next = read();
        }

        @Override
        public boolean hasNext() {
            return !next.isEmpty();
        }

        @Override
        public FetchArtifactResponse next() {
            if (next.isEmpty()) {
                throw new NoSuchElementException();
            }
            FetchArtifactResponse response =
                    FetchArtifactResponse.newBuilder().setChunk(next).build();
            next = read();
            return response;
        }

        private ByteString read() {
            try {
                return UnsafeByteOperations.unsafeWrap(input.readNBytes(CHUNK));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {
            try {
                input.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static Path base(String directory) {
        return Path.of(directory.isEmpty() ? "." : directory).toAbsolutePath();
    }

    private static <T> void answer(StreamObserver<T> observer, T response) {
        observer.onNext(response);
        observer.onCompleted();
    }
}
