package io.abmesh.proto.transport;

import io.abmesh.proto.identity.MeshRole;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import java.util.List;
import java.util.Set;

/** No security: for processes of one machine. */
final class PlainText implements MeshSecurity {
    static final PlainText INSTANCE = new PlainText();

    private PlainText() {}

    @Override
    public ServerCredentials server() {
        return InsecureServerCredentials.create();
    }

    @Override
    public List<ServerInterceptor> guards() {
        return List.of();
    }

    @Override
    public ChannelCredentials channel(Set<MeshRole> peers) {
        return InsecureChannelCredentials.create();
    }

    @Override
    public void close() {}
}
