package io.abmesh.nn.network;

/** A network that cannot be; the message is one line: what, found, expected. */
public final class NetworkException extends IllegalArgumentException {
    public NetworkException(String message) {
        super(message);
    }
}
