package io.abmesh.teacher.stream;

import io.abmesh.nn.teacher.TapCandidate;
import io.abmesh.nn.teacher.TeacherDescription;
import io.abmesh.nn.teacher.TeacherException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.DescribeTeacherRequest;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.TeacherServiceGrpc.TeacherServiceImplBase;
import io.abmesh.teacher.batch.TeacherFailures;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;

/** The model as a service. */
public final class TeacherGrpcService extends TeacherServiceImplBase {
    /** When a client may try again after WORKER_OVERLOADED. */
    static final Duration RETRY_DELAY = Duration.ofSeconds(5);

    private final TeacherHost host;
    private final Semaphore streams;

    /** Makes the service. */
    public TeacherGrpcService(TeacherHost host) {
        this.host = host;
        this.streams = new Semaphore(host.limits().maxStreams());
    }

    @Override
    public void describeTeacher(
            DescribeTeacherRequest request, StreamObserver<DescribeTeacherResponse> answer) {
        requireNotDraining();
        List<Long> imageShape = request.getImageShapeList();
        if (imageShape.isEmpty()) {
            tell(host.engine().describe(), answer);
            return;
        }
        StreamSetup.requireRoom(imageShape, host.limits().streamBytes());
        try {
            host.compute().execute(() -> describe(imageShape, answer));
        } catch (RejectedExecutionException e) {
            throw draining();
        }
    }

    /** Runs on the computing thread, as it runs the model. */
    private void describe(List<Long> imageShape, StreamObserver<DescribeTeacherResponse> answer) {
        TeacherDescription model;
        try {
            model = host.engine().describe(imageShape);
        } catch (TeacherException e) {
            answer.onError(TeacherFailures.of(e));
            return;
        } catch (RuntimeException | OutOfMemoryError e) {
            answer.onError(BatchStream.named(e, "Teacher could not be described"));
            return;
        }
        tell(model, answer);
    }

    private void tell(TeacherDescription model, StreamObserver<DescribeTeacherResponse> answer) {
        DescribeTeacherResponse.Builder response =
                DescribeTeacherResponse.newBuilder()
                        .setModelSha256(model.modelSha256())
                        .setModelName(model.modelName())
                        .setEngine(model.engine())
                        .setInput(model.input())
                        .addAllInputShape(model.inputShape())
                        .addAllAutoTaps(model.autoTaps())
                        .setClassCount(model.classCount())
                        .addEncodings(Encoding.ENCODING_SIGN_BITS)
                        .addEncodings(Encoding.ENCODING_FLOAT32)
                        .addEncodings(Encoding.ENCODING_FLOAT16)
                        .setRawPixels(model.rawPixels())
                        .setVersion(host.version());
        model.taps().forEach(tap -> response.addTaps(describe(tap)));
        answer.onNext(response.build());
        answer.onCompleted();
    }

    @Override
    public StreamObserver<StreamBatchesRequest> streamBatches(
            StreamObserver<StreamBatchesResponse> answer) {
        requireNotDraining();
        if (!streams.tryAcquire()) {
            throw new MeshException(
                            ErrorReason.WORKER_OVERLOADED,
                            "worker has as many streams as it may: expected at most="
                                    + host.limits().maxStreams(),
                            Map.of("maxStreams", Integer.toString(host.limits().maxStreams())))
                    .withRetryDelay(RETRY_DELAY);
        }
        return new BatchStream(
                host, (ServerCallStreamObserver<StreamBatchesResponse>) answer, streams::release);
    }

    private void requireNotDraining() {
        if (host.draining()) {
            throw draining();
        }
    }

    private static MeshException draining() {
        return new MeshException(ErrorReason.DRAINING, "worker is about to stop");
    }

    static TapDescription describe(TapCandidate tap) {
        return TapDescription.newBuilder()
                .setName(tap.name())
                .setTensor(tap.tensor())
                .setActivation(tap.activation())
                .addAllSampleShape(tap.sampleShape())
                .build();
    }
}
