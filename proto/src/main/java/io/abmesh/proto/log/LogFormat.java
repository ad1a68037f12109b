package io.abmesh.proto.log;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.List;
import java.util.Map;

/** The form of log lines: the setting {@value #KEY} of every service. */
public final class LogFormat {
    /** Name of the setting: {@value}. */
    public static final String KEY = "abmesh.log.format";

    /** For people, or one JSON object a line. */
    private static final List<String> KNOWN = List.of("text", "json");

    private LogFormat() {}

    /**
     * Checks the setting.
     *
     * @throws MeshException INVALID_REQUEST if there is no such form
     */
    public static void require(String found) {
        if (!KNOWN.contains(found)) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    KEY + ": found=" + found + ", expected=" + String.join(" or ", KNOWN),
                    Map.of("found", found));
        }
    }
}
