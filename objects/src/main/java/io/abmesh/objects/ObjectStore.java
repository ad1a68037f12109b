package io.abmesh.objects;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.AwsRequestOverrideConfiguration;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.exception.RetryableException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.retry.RetryMode;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.AwsProfileRegionProvider;
import software.amazon.awssdk.regions.providers.AwsRegionProviderChain;
import software.amazon.awssdk.regions.providers.SystemSettingsRegionProvider;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * An S3-compatible store. Every call has a deadline and is tried at most three times; bodies go
 * from and to files through one buffer of {@value #BUFFER_BYTES} bytes. The client is made at the
 * first call, so that a process that needs no objects does not pay for it. Thread-safe.
 */
public final class ObjectStore implements AutoCloseable {
    /** Objects of one folder at most; each costs about 250 bytes of heap while it is listed. */
    static final int MAX_OBJECTS = 250_000;

    private static final int BUFFER_BYTES = 64 << 10;
    private static final Duration CONNECT = Duration.ofSeconds(5);

    /** How long a peer may be silent. */
    private static final Duration SILENCE = Duration.ofSeconds(20);

    /** How long one attempt of a call may take, but for its body. */
    private static final Duration ATTEMPT = Duration.ofSeconds(30);

    /** A body that is slower than this does not arrive. */
    private static final long MIN_BYTES_PER_SECOND = 256 << 10;

    private static final int ATTEMPTS = 3;
    private static final String DEFAULT_REGION = "us-east-1";

    private static final int BAD_REQUEST = 400;
    private static final int UNAUTHORIZED = 401;
    private static final int FORBIDDEN = 403;
    private static final int NOT_FOUND = 404;
    private static final int PRECONDITION_FAILED = 412;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVER_ERROR = 500;

    private final Optional<URI> endpoint;
    private final Optional<String> region;
    private final Supplier<AwsCredentialsProvider> credentials;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private @Nullable S3Client client;

    private ObjectStore(
            Optional<URI> endpoint,
            Optional<String> region,
            Supplier<AwsCredentialsProvider> credentials) {
        this.endpoint = endpoint;
        this.region = region;
        this.credentials = credentials;
    }

    /**
     * Returns the store that the environment names as every tool over the AWS SDK reads it: {@code
     * AWS_ENDPOINT_URL_S3} or {@code AWS_ENDPOINT_URL} (absent: Amazon's own), {@code AWS_REGION},
     * {@code AWS_ACCESS_KEY_ID} and {@code AWS_SECRET_ACCESS_KEY} or any other source of the SDK's
     * chain. With an endpoint, buckets are addressed by path, and the region is {@value
     * #DEFAULT_REGION} unless said.
     *
     * @throws ObjectException NOT_CONFIGURED if the endpoint is no URL
     */
    public static ObjectStore ofEnvironment() {
        return new ObjectStore(
                environmentEndpoint(),
                Optional.empty(),
                () -> DefaultCredentialsProvider.builder().build());
    }

    /** Returns the store at an endpoint. */
    public static ObjectStore at(
            URI endpoint, String region, String accessKeyId, String secretAccessKey) {
        return new ObjectStore(
                Optional.of(endpoint),
                Optional.of(region),
                () ->
                        StaticCredentialsProvider.create(
                                AwsBasicCredentials.create(accessKeyId, secretAccessKey)));
    }

    /**
     * Returns the endpoint that the environment names; absent: Amazon's own.
     *
     * @throws ObjectException NOT_CONFIGURED if it is no URL
     */
    public static Optional<URI> environmentEndpoint() {
        return Stream.of(
                        System.getProperty("aws.endpointUrlS3"),
                        System.getenv("AWS_ENDPOINT_URL_S3"),
                        System.getProperty("aws.endpointUrl"),
                        System.getenv("AWS_ENDPOINT_URL"))
                .filter(value -> value != null && !value.isBlank())
                .findFirst()
                .map(ObjectStore::url);
    }

    private static URI url(String text) {
        try {
            URI url = URI.create(text.strip());
            if (url.getHost() != null
                    && ("http".equals(url.getScheme()) || "https".equals(url.getScheme()))) {
                return url;
            }
        } catch (IllegalArgumentException e) {
            // told below
        }
        throw new ObjectException(
                ObjectException.Reason.NOT_CONFIGURED,
                "endpoint of the object store: found=" + text + ", expected=http(s)://HOST[:PORT]");
    }

    /** Returns the name of the store in messages and in names of cached content. */
    String name() {
        return endpoint.map(URI::toString).orElse("Amazon S3");
    }

    /**
     * Returns the objects below an address, in the order of their keys. A key that ends with a
     * slash marks a folder and is left out.
     *
     * @throws ObjectException NOT_FOUND if there is none, and every other reason but DISK
     */
    List<StoredObject> list(ObjectAddress folder) {
        List<StoredObject> objects = new ArrayList<>();
        try {
            for (S3Object object :
                    client().listObjectsV2Paginator(
                                    request ->
                                            request.bucket(folder.bucket()).prefix(folder.prefix()))
                            .contents()) {
                if (!object.key().endsWith("/")) {
                    objects.add(
                            stored(
                                    new ObjectAddress(folder.bucket(), object.key()),
                                    object.size(),
                                    object.eTag()));
                }
                if (objects.size() > MAX_OBJECTS) {
                    throw new ObjectException(
                            ObjectException.Reason.BAD_ADDRESS,
                            "too many objects: address="
                                    + folder
                                    + ", expected=at most "
                                    + MAX_OBJECTS);
                }
            }
        } catch (SdkException e) {
            throw failure(folder, e);
        }
        if (objects.isEmpty()) {
            throw new ObjectException(
                    ObjectException.Reason.NOT_FOUND,
                    "no such folder: found=no objects below " + folder + ", store=" + name());
        }
        return objects;
    }

    /**
     * Returns what the store knows of an object.
     *
     * @throws ObjectException NOT_FOUND, and every other reason but DISK
     */
    StoredObject describe(ObjectAddress object) {
        try {
            return head(object);
        } catch (S3Exception e) {
            if (e.statusCode() == NOT_FOUND) {
                requireBucket(object);
                throw new ObjectException(
                        ObjectException.Reason.NOT_FOUND,
                        "no such object: found=nothing at " + object + ", store=" + name(),
                        e);
            }
            throw failure(object, e);
        } catch (SdkException e) {
            throw failure(object, e);
        }
    }

    private StoredObject head(ObjectAddress object) {
        HeadObjectResponse found =
                client().headObject(request -> request.bucket(object.bucket()).key(object.key()));
        return stored(object, found.contentLength(), found.eTag());
    }

    /** By size and tag alone it is known whether what was fetched is what was found. */
    private StoredObject stored(
            ObjectAddress object, @Nullable Long sizeBytes, @Nullable String tag) {
        if (sizeBytes == null || tag == null) {
            throw new ObjectException(
                    ObjectException.Reason.NOT_CONFIGURED,
                    "object store does not describe its objects: address="
                            + object
                            + ", found="
                            + (tag == null ? "no ETag" : "no size")
                            + ", expected=size and ETag, store="
                            + name());
        }
        return new StoredObject(object.key(), sizeBytes, tag);
    }

    /** The answer to a HEAD has no body, and so does not say what it is that is not there. */
    private void requireBucket(ObjectAddress object) {
        try {
            client().headBucket(request -> request.bucket(object.bucket()));
        } catch (SdkException e) {
            throw failure(object, e);
        }
    }

    /**
     * Fetches an object into a file, which is on the disk then. What is in the file after a failure
     * is nothing to rely on.
     *
     * @throws ObjectException CHANGED if the object is no longer {@code object}, and every other
     *     reason
     */
    void get(String bucket, StoredObject object, Path file) {
        try {
            client().getObject(
                            request ->
                                    request.bucket(bucket)
                                            .key(object.key())
                                            .ifMatch(object.tag())
                                            .overrideConfiguration(within(object.sizeBytes())),
                            (response, body) -> {
                                receive(body, object, file);
                                return response;
                            });
        } catch (SdkException e) {
            throw failure(new ObjectAddress(bucket, object.key()), e);
        }
    }

    private static void receive(InputStream body, StoredObject object, Path file)
            throws DiskException {
        long size = 0;
        byte[] buffer = new byte[BUFFER_BYTES];
        try (FileChannel out = create(file)) {
            for (int read = next(body, buffer); read >= 0; read = next(body, buffer)) {
                size += read;
                ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, read);
                while (bytes.hasRemaining()) {
                    out.write(bytes);
                }
            }
            out.force(true);
        } catch (IOException e) {
            throw new DiskException(file, object.sizeBytes(), e);
        }
        if (size != object.sizeBytes()) {
            throw RetryableException.builder()
                    .message(
                            "body ends early: found="
                                    + size
                                    + " bytes, expected="
                                    + object.sizeBytes())
                    .build();
        }
    }

    private static FileChannel create(Path file) throws IOException {
        return FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE);
    }

    private static int next(InputStream body, byte[] buffer) {
        try {
            return body.read(buffer);
        } catch (IOException e) {
            throw RetryableException.builder().message("body breaks off: " + e).cause(e).build();
        }
    }

    /** The local disk's failure, among those of the store. */
    private static final class DiskException extends IOException {
        private final Path file;
        private final long sizeBytes;

        DiskException(Path file, long sizeBytes, IOException cause) {
            super(cause);
            this.file = file;
            this.sizeBytes = sizeBytes;
        }
    }

    /**
     * Puts a file, unless the store has the same bytes there already.
     *
     * @return whether it was sent
     * @throws ObjectException every reason but BAD_ADDRESS and CHANGED; DISK if the file cannot be
     *     read
     */
    public boolean put(Path file, ObjectAddress target) {
        byte[] md5;
        long sizeBytes;
        try {
            md5 = md5(file);
            sizeBytes = Files.size(file);
        } catch (IOException e) {
            throw disk(file, e);
        }
        // Of an object that was put whole and not encrypted with a key of the store's, the tag is
        // the MD5. Of another it is not, and the object is sent again.
        String tag = '"' + HexFormat.of().formatHex(md5) + '"';
        try {
            if (find(target).filter(there -> there.tag().equals(tag)).isPresent()) {
                return false;
            }
            client().putObject(
                            request ->
                                    request.bucket(target.bucket())
                                            .key(target.key())
                                            .contentMD5(Base64.getEncoder().encodeToString(md5))
                                            .overrideConfiguration(within(sizeBytes)),
                            RequestBody.fromFile(file));
            return true;
        } catch (SdkException e) {
            throw failure(target, e);
        }
    }

    /** A store tells who may not list a bucket "forbidden" of what is not there. */
    private Optional<StoredObject> find(ObjectAddress target) {
        try {
            return Optional.of(head(target));
        } catch (S3Exception e) {
            if (e.statusCode() == NOT_FOUND || e.statusCode() == FORBIDDEN) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private static byte[] md5(Path file) throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has MD5", e);
        }
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            while (in.read(buffer.clear()) >= 0) {
                digest.update(buffer.flip());
            }
        }
        return digest.digest();
    }

    private static AwsRequestOverrideConfiguration within(long bodyBytes) {
        Duration attempt = ATTEMPT.plusSeconds(bodyBytes / MIN_BYTES_PER_SECOND);
        return AwsRequestOverrideConfiguration.builder()
                .apiCallAttemptTimeout(attempt)
                .apiCallTimeout(attempt.multipliedBy(ATTEMPTS))
                .build();
    }

    private S3Client client() {
        synchronized (lock) {
            if (client == null) {
                client = open();
            }
            return client;
        }
    }

    private S3Client open() {
        AwsCredentialsProvider provider = credentials.get();
        try {
            provider.resolveCredentials();
        } catch (SdkClientException e) {
            throw new ObjectException(
                    ObjectException.Reason.NOT_CONFIGURED,
                    "no credentials for the object store: found=none, expected=AWS_ACCESS_KEY_ID"
                            + " and AWS_SECRET_ACCESS_KEY, or another source that the AWS SDK"
                            + " knows",
                    e);
        }
        S3ClientBuilder builder =
                S3Client.builder()
                        .credentialsProvider(provider)
                        .forcePathStyle(endpoint.isPresent())
                        // a checksum in a trailer is more than many a compatible store can read;
                        // what is put carries its MD5
                        .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                        .httpClientBuilder(
                                UrlConnectionHttpClient.builder()
                                        .connectionTimeout(CONNECT)
                                        .socketTimeout(SILENCE))
                        .overrideConfiguration(
                                all ->
                                        all.retryStrategy(RetryMode.STANDARD)
                                                .apiCallAttemptTimeout(ATTEMPT)
                                                .apiCallTimeout(ATTEMPT.multipliedBy(ATTEMPTS)));
        endpoint.ifPresent(
                url -> builder.endpointOverride(url).region(Region.of(regionBesideEndpoint())));
        try {
            return builder.build();
        } catch (SdkClientException e) {
            throw new ObjectException(
                    ObjectException.Reason.NOT_CONFIGURED,
                    "object store: found=" + e.getMessage() + ", expected=AWS_REGION",
                    e);
        }
    }

    private String regionBesideEndpoint() {
        return region.orElseGet(
                () -> {
                    try {
                        return new AwsRegionProviderChain(
                                        new SystemSettingsRegionProvider(),
                                        new AwsProfileRegionProvider())
                                .getRegion()
                                .id();
                    } catch (SdkClientException e) {
                        return DEFAULT_REGION;
                    }
                });
    }

    private ObjectException failure(ObjectAddress address, SdkException e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof DiskException disk) {
                return new ObjectException(
                        ObjectException.Reason.DISK,
                        "local disk does not take an object: address=%s, found=%s, expected=room for %d bytes, path=%s"
                                .formatted(
                                        address,
                                        oneLine(requireNonNull(disk.getCause())),
                                        disk.sizeBytes,
                                        disk.file),
                        e);
            }
        }
        return e instanceof S3Exception refused ? refusal(address, refused) : silence(address, e);
    }

    private ObjectException refusal(ObjectAddress address, S3Exception e) {
        int status = e.statusCode();
        String code =
                e.awsErrorDetails() == null || e.awsErrorDetails().errorCode() == null
                        ? ""
                        : e.awsErrorDetails().errorCode();
        String found = code.isEmpty() ? "HTTP status " + status : code;
        if (status == UNAUTHORIZED || status == FORBIDDEN) {
            return new ObjectException(
                    ObjectException.Reason.DENIED,
                    "object store denies access: address="
                            + address
                            + ", found="
                            + found
                            + ", expected=credentials that may, store="
                            + name(),
                    e);
        }
        if (status == NOT_FOUND) {
            return new ObjectException(
                    ObjectException.Reason.NOT_FOUND,
                    code.equals("NoSuchKey")
                            ? "no such object: found=nothing at " + address + ", store=" + name()
                            : "no such bucket: found=" + address.bucket() + ", store=" + name(),
                    e);
        }
        if (status == PRECONDITION_FAILED) {
            return new ObjectException(
                    ObjectException.Reason.CHANGED,
                    "object changed while it was fetched: address=" + address,
                    e);
        }
        boolean passing = status >= SERVER_ERROR || status == TOO_MANY_REQUESTS;
        return new ObjectException(
                passing
                        ? ObjectException.Reason.UNREACHABLE
                        : ObjectException.Reason.NOT_CONFIGURED,
                "object store "
                        + (passing ? "fails" : "refuses the request")
                        + ": address="
                        + address
                        + ", found="
                        + found
                        + (status == BAD_REQUEST ? " (" + oneLine(e) + ")" : "")
                        + ", store="
                        + name(),
                e);
    }

    private ObjectException silence(ObjectAddress address, SdkException e) {
        Throwable root = e;
        for (Throwable cause = e.getCause(); cause != null; cause = root.getCause()) {
            root = cause;
        }
        return new ObjectException(
                ObjectException.Reason.UNREACHABLE,
                "object store cannot be reached: address="
                        + address
                        + ", found="
                        + oneLine(root)
                        + ", store="
                        + name(),
                e);
    }

    private static String oneLine(Throwable failure) {
        return String.valueOf(failure.getMessage()).strip().replaceAll("\\s+", " ");
    }

    static ObjectException disk(Path path, IOException cause) {
        return new ObjectException(
                ObjectException.Reason.DISK,
                "cannot use the local disk: path=" + path + ", cause=" + cause,
                cause);
    }

    /** Closes the client, if there is one. */
    @Override
    public void close() {
        synchronized (lock) {
            if (client != null) {
                client.close();
                client = null;
            }
        }
    }
}
