package io.abmesh.nn.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.engine.Engine;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.DistillationLoss;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.network.ParameterSpec;
import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.training.ConnectorPolicy;
import io.abmesh.nn.training.MicroBatch;
import io.abmesh.nn.training.MicroOutcome;
import io.abmesh.nn.training.OptimizerSetup;
import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.nn.training.StudentSetup;
import io.abmesh.nn.training.StudentTrainer;
import io.abmesh.nn.training.TapPair;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Repeats a run of the authors' modules in PyTorch: same weights, same images, same answers.
 *
 * <p>The run stands in {@code src/test/resources/reference}; {@code -Dabmesh.reference=DIR} takes
 * another of the same form, whose depths, widths, batch size, steps and rates are read from its
 * files.
 */
final class ReferenceRunTest {
    private static final List<Float> MEAN = List.of(125.3f, 123.0f, 113.9f);
    private static final List<Float> STD = List.of(63.0f, 62.1f, 66.7f);

    /** Rounding alone moves parameters less than this, of the array's scale. */
    private static final double ARRAY_TOLERANCE = 1e-4;

    private final Path folder = folder();
    private final JsonNode trajectory = trajectory();
    private final Npz.Array images = read("batches").get("images");
    private final Npz.Array labels = read("batches").get("labels");
    private final int batch = images.shape().get(1);
    private final FeatureShape imageShape =
            new FeatureShape(images.shape().get(2), images.shape().get(3), images.shape().get(4));

    @Test
    void theTeacherAnswersAsInPyTorch() {
        Map<String, Npz.Array> expected = read("teacher_first_batch");
        int samples = expected.get("logits").shape().get(0);
        try (Teacher teacher = new Teacher()) {
            ByteBuffer pixels = imagesOf(0).slice(0, samples * imageShape.elements());
            teacher.run(pixels, samples);
            for (int tap = 1; tap <= teacher.network.taps().size(); tap++) {
                float[] there = expected.get("tap" + tap).floats();
                float[] here = teacher.channelsFirst(teacher.network.taps().get(tap - 1), samples);
                assertClose("tap" + tap, rectified(there) ? rectify(here) : here, there);
            }
            assertClose(
                    "logits",
                    teacher.engine.output(teacher.network.logits()),
                    expected.get("logits").floats());
        }
    }

    @Test
    void theWholeTrajectoryIsTheAuthors() {
        try (Teacher teacher = new Teacher();
                StudentTrainer student = student(teacher)) {
            JsonNode boundary = trajectory.get("boundary_steps");
            student.beginPhase(phase(new BoundaryLoss(1, number("margin"), Reduction.AUTHORS, 1)));
            student.restore(initialState(student));
            Set<String> twice = Set.of();
            for (int step = 0; step < boundary.size(); step++) {
                Map<String, StoredTensor> before = student.student();
                MicroOutcome outcome = student.accumulate(teacher.label(step), 1);
                student.applyUpdate(number("learning_rate"));
                if (step == 0) {
                    twice = normsThatMoveTwice(before, student.student());
                }
                foldOnceMore(student, before, twice);
                assertBoundaryStep(step, outcome, boundary.get(step));
                if (step == 0) {
                    assertThat(twice).containsAll(teacher.studentTaps());
                    assertState(student);
                }
            }
            student.beginPhase(phase(new DistillationLoss(1, number("temperature"), false, false)));
            JsonNode kd = trajectory.get("kd_steps");
            for (int step = 0; step < kd.size(); step++) {
                MicroOutcome outcome = student.accumulate(teacher.label(boundary.size() + step), 1);
                student.applyUpdate(number("learning_rate"));
                assertLoss("kd", step, outcome.loss(), kd.get(step).get("loss").asDouble());
            }
            float[] expected = read("eval_logits").get("student").floats();
            float[] found = student.logits(imagesOf(0), batch);
            // 0.15 of 3.4 is how far rounding alone moves the final logits
            assertThat(largestDifference(found, expected)).isLessThan(0.15 / 3.4 * scale(expected));
        }
    }

    /**
     * PyTorch's last tap was kept after a ReLU in place had overwritten it, which leaves its signs,
     * all that the boundary reads, as they were.
     */
    private static boolean rectified(float[] values) {
        for (float value : values) {
            if (value < 0) {
                return false;
            }
        }
        return true;
    }

    private static float[] rectify(float[] values) {
        float[] positive = values.clone();
        for (int i = 0; i < positive.length; i++) {
            positive[i] = Math.max(0, positive[i]);
        }
        return positive;
    }

    private void assertBoundaryStep(int step, MicroOutcome outcome, JsonNode expected) {
        assertLoss("boundary", step, outcome.loss(), expected.get("loss").asDouble());
        JsonNode agreement = expected.get("tap3_2_1_agreement");
        int taps = agreement.size();
        for (int tap = 0; tap < taps; tap++) {
            assertThat(outcome.agreement().get(tap))
                    .as("agreement of tap %d at step %d", tap + 1, step)
                    .isCloseTo(agreement.get(taps - 1 - tap).asDouble(), within(1e-2));
        }
    }

    private static void assertLoss(String phase, int step, double found, double expected) {
        double tolerance = step < 2 ? 5e-4 : 1e-2;
        assertThat(found / expected)
                .as("%s loss at step %d", phase, step)
                .isCloseTo(1, within(tolerance));
    }

    private void assertState(StudentTrainer student) {
        Map<String, StoredTensor> found = student.state();
        read("student_after_step1")
                .forEach(
                        (name, array) ->
                                assertClose(name, found.get(name).floats(), array.floats()));
        read("connectors_after_step1")
                .forEach(
                        (name, array) ->
                                assertClose(
                                        name, found.get(connector(name)).floats(), array.floats()));
    }

    /**
     * In training mode the authors' modules run some batch norms twice per batch: those of the
     * taps, once inside the network and once for the tap, and the first of a block that keeps its
     * channels. Their running statistics move twice per boundary step. The product moves each once;
     * the test reads off the first step which ones moved twice, and moves them a second time.
     */
    private Set<String> normsThatMoveTwice(
            Map<String, StoredTensor> before, Map<String, StoredTensor> once) {
        Map<String, Npz.Array> expected = read("student_after_step1");
        Set<String> twice = new HashSet<>();
        for (String name : once.keySet()) {
            if (name.endsWith(".running_var")) {
                float[] there = expected.get(name).floats();
                float[] here = once.get(name).floats();
                float[] again = foldedAgain(before.get(name).floats(), here);
                if (largestDifference(again, there) < largestDifference(here, there)) {
                    twice.add(name.replace(".running_var", ""));
                }
            }
        }
        return twice;
    }

    private static void foldOnceMore(
            StudentTrainer student, Map<String, StoredTensor> before, Set<String> norms) {
        Map<String, StoredTensor> state = new LinkedHashMap<>(student.state());
        for (String norm : norms) {
            for (String statistic : List.of(".running_mean", ".running_var")) {
                float[] again =
                        foldedAgain(
                                before.get(norm + statistic).floats(),
                                state.get(norm + statistic).floats());
                state.put(norm + statistic, StoredTensor.of(List.of((long) again.length), again));
            }
        }
        student.restore(state);
    }

    /** {@code r2 = 0.9 r1 + 0.1 s} where {@code 0.1 s = r1 - 0.9 r0}. */
    private static float[] foldedAgain(float[] r0, float[] r1) {
        float[] r2 = new float[r0.length];
        for (int c = 0; c < r0.length; c++) {
            r2[c] = (float) (0.9 * r1[c] + (r1[c] - 0.9 * r0[c]));
        }
        return r2;
    }

    private PhaseSetup phase(LossTerm term) {
        return new PhaseSetup(
                List.of(term), new OptimizerSetup(number("momentum"), number("weight_decay")));
    }

    private StudentTrainer student(Teacher teacher) {
        NetworkSpec network = network(read("student_initial"));
        List<TapPair> pairs = new ArrayList<>();
        for (int i = 0; i < network.taps().size(); i++) {
            String tap = teacher.network.taps().get(i);
            pairs.add(new TapPair(network.taps().get(i), tap, teacher.network.shape(tap)));
        }
        return new StudentTrainer(
                new StudentSetup(network, pairs, ConnectorPolicy.CONV1X1BN, 1, MEAN, STD, 2));
    }

    private Map<String, StoredTensor> initialState(StudentTrainer student) {
        Map<String, StoredTensor> state = new HashMap<>(student.state());
        read("student_initial").forEach((name, array) -> state.put(name, stored(array)));
        read("connectors_initial")
                .forEach((name, array) -> state.put(connector(name), stored(array)));
        return state;
    }

    private static StoredTensor stored(Npz.Array array) {
        List<Long> shape = new ArrayList<>();
        for (int size : array.shape()) {
            shape.add((long) size);
        }
        return StoredTensor.of(shape, array.floats());
    }

    /** {@code tap2.0.weight} of the authors is {@code connector.2.0.weight} here. */
    private static String connector(String name) {
        return name.replaceFirst("^tap", "connector.");
    }

    private NetworkSpec network(Map<String, Npz.Array> arrays) {
        int width = arrays.get("block1.layer.0.conv1.weight").shape().get(0) / 16;
        int blocks = 0;
        while (arrays.containsKey("block1.layer." + blocks + ".conv1.weight")) {
            blocks++;
        }
        int classes = arrays.get("fc.weight").shape().get(0);
        return Networks.parse("wrn-" + (6 * blocks + 4) + "-" + width, imageShape, classes);
    }

    /** The teacher in inference mode, on our engine. */
    private final class Teacher implements AutoCloseable {
        private final NetworkSpec network = ReferenceRunTest.this.network(read("teacher"));
        private final Engine engine = new Engine(network, 2);

        Teacher() {
            Map<String, Npz.Array> arrays = read("teacher");
            for (ParameterSpec parameter : engine.parameters()) {
                engine.set(parameter.name(), arrays.get(parameter.name()).floats());
            }
        }

        List<String> studentTaps() {
            return network.taps();
        }

        void run(ByteBuffer pixels, int samples) {
            Set<String> outputs = new HashSet<>(network.taps());
            outputs.add(network.logits());
            engine.forward(pixels, samples, new PixelNormalization(MEAN, STD), outputs, false);
        }

        MicroBatch label(int number) {
            run(imagesOf(number), batch);
            Map<String, TeacherResponses> bits = new HashMap<>();
            for (String tap : network.taps()) {
                bits.put(tap, TeacherResponses.signBits(signBits(channelsFirst(tap, batch))));
            }
            float[] logits = engine.output(network.logits());
            ByteBuffer bytes =
                    ByteBuffer.allocate(4 * logits.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(logits);
            return new MicroBatch(batch, imagesOf(number), labelsOf(number), bits, bytes);
        }

        float[] channelsFirst(String node, int samples) {
            float[] last = engine.output(node); // [N, H, W, C]
            FeatureShape shape = network.shape(node);
            float[] first = new float[last.length]; // [N, C, H, W]
            for (int n = 0; n < samples; n++) {
                for (int p = 0; p < shape.positions(); p++) {
                    for (int c = 0; c < shape.channels(); c++) {
                        first[(n * shape.channels() + c) * shape.positions() + p] =
                                last[(n * shape.positions() + p) * shape.channels() + c];
                    }
                }
            }
            return first;
        }

        @Override
        public void close() {
            engine.close();
        }
    }

    private static ByteBuffer signBits(float[] values) {
        byte[] bits = new byte[(values.length + 7) / 8];
        for (int i = 0; i < values.length; i++) {
            if (values[i] > 0) {
                bits[i >> 3] |= (byte) (1 << (i & 7));
            }
        }
        return ByteBuffer.wrap(bits);
    }

    private ByteBuffer imagesOf(int number) {
        int size = batch * imageShape.elements();
        return images.bytes().slice(number * size, size);
    }

    private ByteBuffer labelsOf(int number) {
        return labels.bytes().slice(number * batch * 4, batch * 4);
    }

    private static void assertClose(String name, float[] found, float[] expected) {
        assertThat(found).as(name).hasSameSizeAs(expected);
        assertThat(largestDifference(found, expected))
                .as(name)
                .isLessThanOrEqualTo(ARRAY_TOLERANCE * scale(expected));
    }

    private static double largestDifference(float[] found, float[] expected) {
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs((double) found[i] - expected[i]));
        }
        return largest;
    }

    private static double scale(float[] values) {
        double scale = 1e-3;
        for (float value : values) {
            scale = Math.max(scale, Math.abs(value));
        }
        return scale;
    }

    private double number(String key) {
        return trajectory.get(key).asDouble();
    }

    private Map<String, Npz.Array> read(String name) {
        return Npz.read(folder.resolve(name + ".npz"));
    }

    private JsonNode trajectory() {
        try {
            return new ObjectMapper().readTree(folder.resolve("trajectory.json").toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path folder() {
        return Stream.of(System.getProperty("abmesh.reference", ""))
                .filter(given -> !given.isEmpty())
                .findFirst()
                .map(Path::of)
                .orElseGet(() -> Path.of("src", "test", "resources", "reference"));
    }
}
