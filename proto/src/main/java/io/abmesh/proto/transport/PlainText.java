package io.abmesh.proto.transport;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** No security: for processes of one machine. */
final class PlainText implements MeshSecurity {
    static final PlainText INSTANCE = new PlainText();

    private static final Pattern LOOPBACK =
            Pattern.compile("localhost|127(\\.[0-9]{1,3}){3}|::1|\\[::1]");

    private PlainText() {}

    /** A name other than {@code localhost} is not looked up: it may be another's by and by. */
    @Override
    public void require(String host) {
        if (!LOOPBACK.matcher(host).matches()) {
            throw new MeshException(
                    ErrorReason.TLS_REQUIRED,
                    "plain text is for loopback: found="
                            + host
                            + ", expected=127.0.0.1, ::1 or localhost, or a folder with a"
                            + " certificate (setting tls-directory, option --tls)",
                    Map.of("found", host));
        }
    }

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
