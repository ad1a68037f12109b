package io.abmesh.proto.transport;

import io.abmesh.proto.identity.MeshIdentity;
import io.grpc.Context;
import java.util.Optional;

/** Who makes the call that a service is serving. */
public final class Caller {
    /** Travels with a call, as every context of gRPC does. */
    static final Context.Key<MeshIdentity> IDENTITY = Context.key("abmesh-caller");

    private Caller() {}

    /** Returns whom the caller's certificate names; empty in plain text. */
    public static Optional<MeshIdentity> current() {
        return Optional.ofNullable(IDENTITY.get());
    }

    /**
     * Returns the run that the caller works for; empty for one that works for none, and in plain
     * text.
     */
    public static Optional<String> run() {
        return current().flatMap(MeshIdentity::run);
    }
}
