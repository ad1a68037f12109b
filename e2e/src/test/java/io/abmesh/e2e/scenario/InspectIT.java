package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.TinyImages;
import io.abmesh.e2e.harness.TinyOnnx;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A stranger's model shows where it can be tapped. */
final class InspectIT {

    @TempDir Path folder;

    @Test
    void listsEveryTapWithItsShapeAndWhatFiresThere() throws IOException, InterruptedException {
        TinyOnnx.fashion().write(folder.resolve("my model.onnx"));

        Outcome outcome =
                AbmeshCommand.run(folder, "inspect", "my model.onnx", "--images", "40")
                        .requireExit(0);

        assertThat(outcome.output())
                .anyMatch(line -> line.matches("\\* relu1 +c1 +Relu +8x28x28( +\\d+\\.\\d %){3}"))
                .anyMatch(line -> line.matches("\\* relu2 +c2 +Relu +8x14x14( +\\d+\\.\\d %){3}"))
                .anyMatch(line -> line.matches("\\* relu3 +c3 +Relu +8x7x7( +\\d+\\.\\d %){3}"))
                .anyMatch(line -> line.startsWith("on 40 images of builtin:fashion-mnist"));
    }

    @Test
    void refusesImagesThatDoNotFit() throws IOException, InterruptedException {
        new TinyOnnx(3, 32, 10, 2, false).write(folder.resolve("colour.onnx"));

        Outcome outcome = AbmeshCommand.run(folder, "inspect", "colour.onnx").requireExit(2);

        assertThat(outcome.errors())
                .containsExactly(
                        "abmesh: images of builtin:fashion-mnist do not fit the model: found=[1, 28, 28],"
                                + " expected=[3, 32, 32] (use --data)");
    }

    @Test
    void refusesAFileThatIsNoModel() throws IOException, InterruptedException {
        Path file = TinyOnnx.fashion().write(folder.resolve("half.onnx"));
        TinyImages.truncate(file);

        Outcome outcome = AbmeshCommand.run(folder, "inspect", "half.onnx").requireExit(2);

        assertThat(outcome.errors())
                .singleElement()
                .asString()
                .startsWith("abmesh: ")
                .contains("half.onnx");
    }
}
