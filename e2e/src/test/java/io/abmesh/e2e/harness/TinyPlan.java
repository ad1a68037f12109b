package io.abmesh.e2e.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A plan that takes seconds: 64 real images, a teacher of a few kilobytes, two short phases and a
 * baseline.
 */
public final class TinyPlan {

    /** Batch of 16: four steps an epoch, two epochs a phase, two phases, two tracks. */
    public static final int STEPS = 32;

    private static final String TEXT =
            """
            name: tiny
            seed: 3
            data:
              location: builtin:fashion-mnist
              train: {images: 64, balanced: true}
              test: {images: 64}
            teacher:
              model: teacher.onnx
              taps: [auto]
            student:
              network: wrn-10-1
            batch: 16
            microBatches: 1
            phases:
              - name: boundary
                epochs: 2
                losses: [{kind: boundary}]
              - name: classification
                epochs: 2
                losses: [{kind: kd, temperature: 3}]
            checkpointEverySteps: 3
            """;

    private TinyPlan() {}

    /** Writes the plan and its teacher into {@code folder} and returns the plan's path. */
    public static Path write(Path folder) throws IOException {
        return write(folder, TinyOnnx.fashion());
    }

    /** Writes the plan with another teacher. */
    public static Path write(Path folder, TinyOnnx teacher) throws IOException {
        Files.createDirectories(folder);
        teacher.write(folder.resolve("teacher.onnx"));
        return Files.writeString(folder.resolve("plan.yaml"), TEXT);
    }
}
