package io.abmesh.nn.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.nn.engine.CudaDevices.Capability;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CudaDevicesTest {
    @Test
    void withoutNd4jsBackEndForGpusThereIsNone() {
        assertThat(CudaDevices.problem())
                .contains(
                        "ND4J finds no GPU: found=CpuBackend, expected=NVIDIA's driver and a GPU of"
                                + " compute capability 3.7 to 8.9");
    }

    @Test
    void aGpuThatNd4jHasCodeForIsFine() {
        assertThat(
                        CudaDevices.problem(
                                "JCublasBackend",
                                List.of(
                                        new Capability(3, 7),
                                        new Capability(7, 5),
                                        new Capability(8, 9))))
                .isEmpty();
    }

    @Test
    void oneThatIsNewerOrOlderIsNamed() {
        assertThat(
                        CudaDevices.problem(
                                "JCublasBackend",
                                List.of(
                                        new Capability(9, 0),
                                        new Capability(8, 0),
                                        new Capability(3, 5))))
                .contains(
                        "ND4J has no code for this GPU: found=compute capability 9.0, 3.5,"
                                + " expected=compute capability 3.7 to 8.9");
    }
}
