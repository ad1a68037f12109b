package io.abmesh.cli.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.v1.TapDescription;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TapTableTest {

    @Test
    void marksWhatAutoChooses() {
        TapTable table =
                new TapTable(
                        List.of(
                                new TapTable.Row(tap("/Relu", 16), false, 0.5, 0, 0.25),
                                new TapTable.Row(tap("/L.2/Relu", 128), true, 0.123, 0.9, 0)));

        assertThat(table.lines())
                .containsExactly(
                        "  tap        tensor        activation  shape     active    never   always",
                        "-".repeat(73),
                        "  /Relu      /Relu_in      Relu        16x8x8    50.0 %    0.0 %   25.0 %",
                        "* /L.2/Relu  /L.2/Relu_in  Relu        128x8x8   12.3 %   90.0 %    0.0 %");
    }

    private static TapDescription tap(String name, long channels) {
        return TapDescription.newBuilder()
                .setName(name)
                .setTensor(name + "_in")
                .setActivation("Relu")
                .addAllSampleShape(List.of(channels, 8L, 8L))
                .build();
    }
}
