package io.abmesh.coordinator.worker;

import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.grpc.stub.StreamObserver;

/** Takes files of a run's result. */
@FunctionalInterface
public interface ArtifactReceiver {
    /** Takes one file; it appears whole or not at all. */
    StreamObserver<PublishArtifactRequest> receive(
            StreamObserver<PublishArtifactResponse> responses);
}
