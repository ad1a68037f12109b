package io.abmesh.data.image;

import static java.util.Objects.checkIndex;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A split whose images lie at equal distances in buffers, as in IDX and CIFAR files. Buffers may be
 * mapped files; they must not change.
 */
public final class PackedImages implements ImageSplit {
    /**
     * Images in one buffer.
     *
     * @param bytes where they are, absolute positions from 0
     * @param offset position of the first pixel of the first image
     * @param stride bytes from one image to the next
     * @param count number of images
     */
    public record Segment(ByteBuffer bytes, int offset, int stride, int count) {
        public Segment {
            bytes = bytes.asReadOnlyBuffer();
        }
    }

    private final ImageShape shape;
    private final List<String> classNames;
    private final List<Segment> segments;
    private final int[] segmentStarts;
    private final byte[] labels;
    private final int labelBytes;
    private final long firstId;
    private final int size;
    private final Object lock = new Object();
    private @Nullable String sha256;

    /**
     * A split of images and labels.
     *
     * @param labels one per image, each in {@code [0, classNames.size())}, at most 65536 classes
     * @param test true for a test split, which shifts sample ids
     * @throws DatasetException EMPTY without images; MALFORMED for a label out of range
     */
    public PackedImages(
            String what,
            ImageShape shape,
            List<String> classNames,
            List<Segment> segments,
            int[] labels,
            boolean test) {
        this.shape = shape;
        this.classNames = List.copyOf(classNames);
        this.segments = List.copyOf(segments);
        this.firstId = test ? TEST_IDS : 0;
        this.labelBytes = classNames.size() <= 256 ? 1 : 2;
        this.segmentStarts = new int[segments.size()];
        int images = 0;
        for (int i = 0; i < segmentStarts.length; i++) {
            segmentStarts[i] = images;
            images = Math.addExact(images, segments.get(i).count());
        }
        this.size = images;
        if (images == 0) {
            throw new DatasetException(
                    DatasetException.Reason.EMPTY, "no images: found=0 in " + what);
        }
        if (images != labels.length) {
            throw new DatasetException(
                    DatasetException.Reason.MALFORMED,
                    "labels do not belong to the images of "
                            + what
                            + ": found="
                            + labels.length
                            + " labels, expected="
                            + images);
        }
        this.labels = new byte[images * labelBytes];
        for (int i = 0; i < images; i++) {
            if (labels[i] < 0 || labels[i] >= classNames.size()) {
                throw new DatasetException(
                        DatasetException.Reason.MALFORMED,
                        "label out of range in "
                                + what
                                + ": found="
                                + labels[i]
                                + " at image "
                                + i
                                + ", expected=0 to "
                                + (classNames.size() - 1));
            }
            if (labelBytes == 1) {
                this.labels[i] = (byte) labels[i];
            } else {
                this.labels[2 * i] = (byte) (labels[i] >>> 8);
                this.labels[2 * i + 1] = (byte) labels[i];
            }
        }
    }

    @Override
    public ImageShape shape() {
        return shape;
    }

    @Override
    public List<String> classNames() {
        return classNames;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public int label(int index) {
        checkIndex(index, size);
        return labelBytes == 1
                ? labels[index] & 0xFF
                : ((labels[2 * index] & 0xFF) << 8) | (labels[2 * index + 1] & 0xFF);
    }

    @Override
    public long sampleId(int index) {
        return firstId + checkIndex(index, size);
    }

    @Override
    public void copyImage(int index, byte[] target, int offset) {
        checkIndex(index, size);
        int at = segmentStarts.length - 1;
        while (segmentStarts[at] > index) {
            at--;
        }
        Segment segment = segments.get(at);
        int position = segment.offset() + (index - segmentStarts[at]) * segment.stride();
        segment.bytes().get(position, target, offset, shape.bytes());
    }

    @Override
    public String sha256() {
        synchronized (lock) {
            if (sha256 == null) {
                sha256 = digest();
            }
            return sha256;
        }
    }

    private String digest() {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        String header = "abmesh images 1 " + size + "x" + shape + " " + classNames.size() + "\n";
        digest.update(header.getBytes(StandardCharsets.UTF_8));
        digest.update(labels);
        byte[] image = new byte[shape.bytes()];
        for (int i = 0; i < size; i++) {
            copyImage(i, image, 0);
            digest.update(image);
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}
