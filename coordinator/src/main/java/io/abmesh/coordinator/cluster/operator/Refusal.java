package io.abmesh.coordinator.cluster.operator;

import static java.net.HttpURLConnection.HTTP_BAD_REQUEST;
import static java.net.HttpURLConnection.HTTP_CLIENT_TIMEOUT;
import static java.net.HttpURLConnection.HTTP_CONFLICT;
import static java.net.HttpURLConnection.HTTP_INTERNAL_ERROR;

import io.abmesh.proto.error.MeshException;
import io.fabric8.kubernetes.client.KubernetesClientException;

/** What the API server or the coordinator's store says when it does not take what a run needs. */
final class Refusal {
    private static final int TOO_MANY_REQUESTS = 429;

    private Refusal() {}

    /** Returns the words of a refusal; empty for what another attempt may well get past. */
    static String words(KubernetesClientException failure) {
        int code = failure.getCode();
        boolean refused =
                code >= HTTP_BAD_REQUEST
                        && code < HTTP_INTERNAL_ERROR
                        && code != HTTP_CLIENT_TIMEOUT
                        && code != HTTP_CONFLICT
                        && code != TOO_MANY_REQUESTS;
        if (!refused) {
            return "";
        }
        return "the API server refuses: "
                + (failure.getStatus() == null
                        ? failure.getMessage()
                        : failure.getStatus().getMessage());
    }

    /** Returns the words of a refusal by a part of the coordinator. */
    static String words(MeshException failure) {
        return failure.reason() + ": " + failure.getMessage();
    }

    /**
     * Returns whether two refusals say the same but for their numbers. Those that change with each
     * attempt would otherwise change the status, and with it cause the next attempt at once.
     */
    static boolean same(String one, String two) {
        return numberless(one).equals(numberless(two));
    }

    private static String numberless(String words) {
        return words.replaceAll("[0-9]+", "#");
    }
}
