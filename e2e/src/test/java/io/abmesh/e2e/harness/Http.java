package io.abmesh.e2e.harness;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks HTTP servers of a test. HTTP/1.1, as Prometheus does: an upgrade to HTTP/2 in the middle of
 * the first exchange can leave the answer's body hanging.
 */
public final class Http {
    private static final long DEADLINE_SECONDS = 60;
    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private Http() {}

    /**
     * Returns the body of an answer, whatever its status.
     *
     * @throws IOException if it is not whole within {@value #DEADLINE_SECONDS} seconds
     */
    public static String get(String address) throws IOException {
        try {
            // The deadline of a request ends with its headers; this one is of the body too.
            return CLIENT.sendAsync(
                            HttpRequest.newBuilder(URI.create(address)).build(),
                            HttpResponse.BodyHandlers.ofString(UTF_8))
                    .get(DEADLINE_SECONDS, TimeUnit.SECONDS)
                    .body();
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException("no answer from " + address, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while asking " + address, e);
        }
    }
}
