package io.abmesh.objects;

import static java.util.Objects.requireNonNull;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An object, or a folder of objects: {@code s3://BUCKET/KEY}.
 *
 * @param bucket name, as S3 allows it
 * @param key without a slash at either end; empty: the whole bucket
 */
public record ObjectAddress(String bucket, String key) {
    /** How every address begins: {@value}. */
    public static final String SCHEME = "s3://";

    private static final Pattern FORM =
            Pattern.compile("s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?");

    public ObjectAddress {
        requireNonNull(bucket, "bucket");
        requireNonNull(key, "key");
    }

    /** Returns whether a location is meant as an address, be it a good one or not. */
    public static boolean isMeantBy(String location) {
        return location.startsWith(SCHEME);
    }

    /**
     * Reads an address.
     *
     * @throws ObjectException BAD_ADDRESS
     */
    public static ObjectAddress parse(String text) {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new ObjectException(
                    ObjectException.Reason.BAD_ADDRESS,
                    "not an address in an object store: found="
                            + text
                            + ", expected=s3://BUCKET/KEY");
        }
        String key = form.group(2) == null ? "" : form.group(2);
        return new ObjectAddress(form.group(1), key.replaceAll("^/+|/+$", ""));
    }

    /** Returns the address of {@code name} below this one. */
    public ObjectAddress resolve(String name) {
        return new ObjectAddress(bucket, key.isEmpty() ? name : key + "/" + name);
    }

    /** Returns what stands behind the last slash. */
    String lastName() {
        return key.isEmpty() ? bucket : key.substring(key.lastIndexOf('/') + 1);
    }

    /** Returns how the keys of all objects below this address begin. */
    String prefix() {
        return key.isEmpty() ? "" : key + "/";
    }

    @Override
    public String toString() {
        return SCHEME + bucket + "/" + key;
    }
}
