package io.abmesh.objects;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A store that is less than S3: it says nothing of an object but that it is there. */
final class ObjectStoreTest {
    private static final String LISTING =
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult><Name>data</Name><Prefix>set/</Prefix><KeyCount>1</KeyCount>\
            <MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>set/a</Key>\
            <ETag>"tag"</ETag></Contents></ListBucketResult>""";

    private HttpServer server;
    private ObjectStore store;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/",
                exchange -> {
                    byte[] body = LISTING.getBytes(UTF_8);
                    boolean head = exchange.getRequestMethod().equals("HEAD");
                    exchange.sendResponseHeaders(200, head ? -1 : body.length);
                    if (!head) {
                        exchange.getResponseBody().write(body);
                    }
                    exchange.close();
                });
        server.start();
        store =
                ObjectStore.at(
                        URI.create("http://127.0.0.1:" + server.getAddress().getPort()),
                        "us-east-1",
                        "id",
                        "secret");
    }

    @AfterEach
    void stop() {
        store.close();
        server.stop(0);
    }

    @Test
    void anObjectWithoutATagIsNamed() {
        assertThatThrownBy(() -> store.describe(new ObjectAddress("data", "set/a")))
                .isInstanceOfSatisfying(
                        ObjectException.class,
                        e ->
                                assertThat(e.reason())
                                        .isEqualTo(ObjectException.Reason.NOT_CONFIGURED))
                .hasMessage(
                        "object store does not describe its objects: address=s3://data/set/a,"
                                + " found=no ETag, expected=size and ETag, store=http://127.0.0.1:"
                                + server.getAddress().getPort());
    }

    @Test
    void aListingWithoutSizesIsNamed() {
        assertThatThrownBy(() -> store.list(new ObjectAddress("data", "set")))
                .isInstanceOf(ObjectException.class)
                .hasMessageContaining("address=s3://data/set/a, found=no size, expected=");
    }
}
