package io.abmesh.proto.transport;

/** Addresses of the form {@code host:port}. */
public final class HostPort {
    private HostPort() {}

    /**
     * Returns the address of a port.
     *
     * @param host name or address; one of IPv6, with or without brackets, gets them
     */
    public static String of(String host, int port) {
        boolean bare = host.indexOf(':') >= 0 && !host.startsWith("[");
        return (bare ? "[" + host + "]" : host) + ":" + port;
    }
}
