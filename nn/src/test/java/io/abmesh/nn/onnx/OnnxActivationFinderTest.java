package io.abmesh.nn.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.OperatorSetIdProto;
import onnx.Onnx.TensorProto;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code gate} is {@code Clip(x + 3, 0, 6)}; each case is what else the graph has. */
final class OnnxActivationFinderTest {
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "Mul x gate -> y; Div y six -> z",
        "Div gate six -> h; Mul h x -> z",
        "Mul gate sixth -> h; Mul x h -> z",
        "Div x six -> h; Mul gate h -> z",
        "Mul sixth x -> h; Mul h gate -> z"
    })
    void aTensorTimesItsOwnClippedGateIsAHardSwish(String rest) throws Exception {
        assertThat(found(rest))
                .containsExactly(new OnnxActivation("clip", "x", "HardSwish", false));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "Div gate six -> h; Mul h other -> z",
        "Mul other gate -> y; Div y six -> z",
        "Div six gate -> h; Mul h x -> z",
        "Identity gate -> z"
    })
    void aClippedGateOfAnotherTensorIsNoActivation(String rest) throws Exception {
        assertThat(found(rest)).isEmpty();
    }

    private static List<OnnxActivation> found(String rest) throws OnnxFormatException {
        List<NodeProto> nodes = new ArrayList<>();
        nodes.add(node("add", "Add", "shifted", "x", "three"));
        nodes.add(node("clip", "Clip", "gate", "shifted", "zero", "six"));
        for (String text : rest.split("; ")) {
            String[] sides = text.split(" -> ");
            String[] words = sides[0].split(" ");
            nodes.add(
                    node(sides[1], words[0], sides[1], Arrays.copyOfRange(words, 1, words.length)));
        }
        GraphProto graph =
                GraphProto.newBuilder()
                        .addAllNode(nodes)
                        .addInitializer(scalar("zero", 0))
                        .addInitializer(scalar("three", 3))
                        .addInitializer(scalar("six", 6))
                        .addInitializer(scalar("sixth", 1 / 6f))
                        .build();
        ModelProto model =
                ModelProto.newBuilder()
                        .setGraph(graph)
                        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(13))
                        .build();
        return new OnnxActivationFinder(OnnxModel.parse(model.toByteArray())).find();
    }

    private static NodeProto node(String name, String operator, String output, String... inputs) {
        return NodeProto.newBuilder()
                .setName(name)
                .setOpType(operator)
                .addAllInput(List.of(inputs))
                .addOutput(output)
                .build();
    }

    private static TensorProto scalar(String name, float value) {
        return TensorProto.newBuilder()
                .setName(name)
                .setDataType(TensorProto.DataType.FLOAT.getNumber())
                .addFloatData(value)
                .build();
    }
}
