package io.abmesh.proto.transport;

import io.abmesh.proto.identity.MeshRole;
import io.grpc.ChannelCredentials;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * How a process proves who it is and learns who others are: on loopback not at all, elsewhere by
 * certificates of both ends.
 */
public sealed interface MeshSecurity extends AutoCloseable permits PlainText, MutualTls {
    /** Returns plain text, which is for loopback. */
    static MeshSecurity plainText() {
        return PlainText.INSTANCE;
    }

    /**
     * Returns what a process is configured for.
     *
     * @param role that the process plays, which its certificate must name; also the prefix of the
     *     name of the thread that looks for new files
     * @param directory with the process' credential; empty: plain text
     * @throws io.abmesh.proto.error.MeshException CERTIFICATE_UNUSABLE
     */
    static MeshSecurity of(MeshRole role, Optional<Path> directory) {
        return directory
                .<MeshSecurity>map(from -> MutualTls.reading(role, from))
                .orElse(PlainText.INSTANCE);
    }

    /**
     * Checks that this may be spoken at a host.
     *
     * @param host name or address, one of IPv6 with or without brackets
     * @throws io.abmesh.proto.error.MeshException TLS_REQUIRED
     */
    void require(String host);

    /** Returns what a server shows and demands. */
    ServerCredentials server();

    /** Returns what looks at every call of a server before its service does. */
    List<ServerInterceptor> guards();

    /** Returns what a client shows and demands of a server that has one of the roles. */
    ChannelCredentials channel(Set<MeshRole> peers);

    /** Looks for new files no longer. */
    @Override
    void close();
}
