package io.abmesh.cli.inspect;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.progress.Console;
import io.abmesh.data.image.ChannelStatistics;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.DescribeTeacherRequest;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.TapRequest;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.grpc.ManagedChannel;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Asks a teacher-worker for the sign bits of every tap on sample images and shows what fires. Uses
 * nothing that another client of the worker could not use.
 */
public final class ModelInspection {

    private static final Duration DESCRIBE_DEADLINE = Duration.ofSeconds(30);
    private static final int MAX_BATCH = 16;

    private final ImageDataset dataset;
    private final int images;
    private final Console console;

    /**
     * Inspects with the first images of the training split, at most {@code images}.
     *
     * @param images at least 1
     */
    public ModelInspection(ImageDataset dataset, int images, Console console) {
        this.dataset = dataset;
        this.images = Math.min(images, dataset.train().size());
        this.console = console;
    }

    /**
     * Inspects the model of the teacher-worker at {@code address}.
     *
     * @throws CliException if the images do not fit the model
     * @throws io.abmesh.proto.error.MeshException if the worker cannot do it
     */
    public void inspect(String address) throws InterruptedException {
        ManagedChannel channel = MeshChannels.open("teacher", address);
        try {
            // First without running it, since only here it is known what to do about other images.
            requireFit(described(channel, List.of()));
            DescribeTeacherResponse model = described(channel, dataset.shape().toList());
            describe(model);
            try (TeacherStream stream = new TeacherStream(channel, open(model))) {
                show(model, count(stream), stream.opened().getTapsList());
            }
        } finally {
            MeshChannels.close(channel, Duration.ofSeconds(2));
        }
    }

    private static DescribeTeacherResponse described(ManagedChannel channel, List<Long> images) {
        return TeacherServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(DESCRIBE_DEADLINE.toSeconds(), TimeUnit.SECONDS)
                .describeTeacher(
                        DescribeTeacherRequest.newBuilder().addAllImageShape(images).build());
    }

    private void describe(DescribeTeacherResponse model) {
        console.line(
                "%s  sha256 %s  engine %s"
                        .formatted(
                                model.getModelName(), model.getModelSha256(), model.getEngine()));
        console.line(
                "input %s %s%s, %s"
                        .formatted(
                                model.getInput(),
                                model.getInputShapeList(),
                                model.getRawPixels() ? " (raw pixels)" : "",
                                model.getClassCount() == 0
                                        ? "no logits"
                                        : model.getClassCount() + " classes"));
    }

    /** Compares {@code [C, H, W]} where the model does not leave it open. */
    private void requireFit(DescribeTeacherResponse model) {
        List<Long> found = dataset.shape().toList();
        List<Long> input = model.getInputShapeList();
        List<Long> expected = input.isEmpty() ? input : input.subList(1, input.size());
        boolean fits = expected.size() == found.size();
        for (int i = 0; fits && i < expected.size(); i++) {
            fits = expected.get(i) < 0 || expected.get(i).equals(found.get(i));
        }
        if (!fits) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "images of %s do not fit the model: found=%s, expected=%s (use --data)"
                            .formatted(dataset.location(), found, expected));
        }
        if (model.getTapsCount() == 0) {
            throw new CliException(ExitCode.BAD_INPUT, "the model has no activation to tap");
        }
    }

    private StreamOpen open(DescribeTeacherResponse model) {
        StreamOpen.Builder open =
                StreamOpen.newBuilder()
                        .setRunId("inspect")
                        .addAllImageShape(dataset.shape().toList());
        for (TapDescription tap : model.getTapsList()) {
            open.addTaps(
                    TapRequest.newBuilder()
                            .setName(tap.getName())
                            .setEncoding(Encoding.ENCODING_SIGN_BITS));
        }
        if (!model.getRawPixels()) {
            ChannelStatistics statistics = dataset.statistics();
            open.setNormalization(
                    Normalization.newBuilder()
                            .addAllMean(statistics.mean())
                            .addAllStd(statistics.std()));
        }
        return open.build();
    }

    private Map<String, FiringCounts> count(TeacherStream stream) throws InterruptedException {
        Map<String, FiringCounts> counts = new LinkedHashMap<>();
        for (TapDescription tap : stream.opened().getTapsList()) {
            counts.put(tap.getName(), new FiringCounts(tap.getSampleShapeList()));
        }
        int batch = batchSize(stream);
        for (int start = 0; start < images; start += batch) {
            int end = Math.min(images, start + batch);
            Map<String, Tensor> tensors = stream.compute(header(start, end), pixels(start, end));
            counts.forEach((tap, count) -> count.add(requireNonNull(tensors.get(tap), tap)));
            console.live("%d of %d images".formatted(end, images));
        }
        return counts;
    }

    private static int batchSize(TeacherStream stream) {
        long affordable = stream.opened().getCreditBytes() / stream.opened().getCostBytes();
        if (affordable < 1) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "one image's taps do not fit the teacher's memory: found=%d bytes, expected at most %d"
                            .formatted(
                                    stream.opened().getCostBytes(),
                                    stream.opened().getCreditBytes()));
        }
        return (int) Math.min(MAX_BATCH, affordable);
    }

    private BatchHeader header(int start, int end) {
        BatchHeader.Builder header =
                BatchHeader.newBuilder()
                        .setBatchId("inspect-" + start)
                        .addAllImageShape(dataset.shape().toList());
        for (int i = start; i < end; i++) {
            header.addSampleIds(dataset.train().sampleId(i)).addAugmentationIds(0);
        }
        return header.build();
    }

    private ByteBuffer pixels(int start, int end) {
        ImageSplit split = dataset.train();
        int imageBytes = dataset.shape().bytes();
        byte[] pixels = new byte[(end - start) * imageBytes];
        for (int i = start; i < end; i++) {
            split.copyImage(i, pixels, (i - start) * imageBytes);
        }
        return ByteBuffer.wrap(pixels);
    }

    private void show(
            DescribeTeacherResponse model,
            Map<String, FiringCounts> counts,
            List<TapDescription> taps) {
        List<TapTable.Row> rows =
                taps.stream()
                        .map(
                                tap ->
                                        TapTable.Row.of(
                                                tap,
                                                model.getAutoTapsList().contains(tap.getName()),
                                                requireNonNull(
                                                        counts.get(tap.getName()), tap.getName())))
                        .toList();
        console.line("");
        new TapTable(rows).lines().forEach(console::line);
        console.line("");
        console.line(
                "on %d images of %s; * is chosen by taps: [auto]"
                        .formatted(images, dataset.location()));
    }
}
