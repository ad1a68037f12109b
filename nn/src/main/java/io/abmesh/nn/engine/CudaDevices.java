package io.abmesh.nn.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.environment.Nd4jEnvironment;
import org.nd4j.linalg.factory.Nd4j;

/**
 * What ND4J finds of NVIDIA's GPUs. Where it finds none it takes its back end for processors and
 * says so in a log only; whoever was given a GPU asks here first.
 */
public final class CudaDevices {
    private static final String CUDA_BACKEND = "JCublasBackend";

    /** ND4J has machine code for these and all between, and nothing that is compiled later. */
    private static final Capability OLDEST = new Capability(3, 7);

    private static final Capability NEWEST = new Capability(8, 9);

    private CudaDevices() {}

    /** NVIDIA's number for what a GPU can do. */
    record Capability(int major, int minor) implements Comparable<Capability> {
        @Override
        public int compareTo(Capability other) {
            return major == other.major
                    ? Integer.compare(minor, other.minor)
                    : Integer.compare(major, other.major);
        }

        @Override
        public String toString() {
            return major + "." + minor;
        }
    }

    /**
     * Returns why ND4J cannot compute on the GPUs that are here, in one sentence; nothing if it
     * can. Starts ND4J, which takes a second or two.
     */
    public static Optional<String> problem() {
        String backend = Nd4j.getBackend().getClass().getSimpleName();
        Properties environment = Nd4j.getExecutioner().getEnvironmentInformation();
        return problem(
                backend,
                capabilities(environment.get(Nd4jEnvironment.CUDA_DEVICE_INFORMATION_KEY)));
    }

    private static List<Capability> capabilities(@Nullable Object devices) {
        List<Capability> capabilities = new ArrayList<>();
        if (devices instanceof List<?> list) {
            for (Object device : list) {
                if (device instanceof Map<?, ?> properties) {
                    capabilities.add(
                            new Capability(
                                    number(
                                            properties,
                                            Nd4jEnvironment.CUDA_DEVICE_MAJOR_VERSION_KEY),
                                    number(
                                            properties,
                                            Nd4jEnvironment.CUDA_DEVICE_MINOR_VERSION_KEY)));
                }
            }
        }
        return capabilities;
    }

    private static int number(Map<?, ?> properties, String key) {
        return Integer.parseInt(String.valueOf(properties.get(key)));
    }

    static Optional<String> problem(String backend, List<Capability> devices) {
        String expected = "compute capability " + OLDEST + " to " + NEWEST;
        if (!backend.equals(CUDA_BACKEND) || devices.isEmpty()) {
            return Optional.of(
                    "ND4J finds no GPU: found="
                            + backend
                            + ", expected=NVIDIA's driver and a GPU of "
                            + expected);
        }
        String others =
                devices.stream()
                        .filter(d -> d.compareTo(OLDEST) < 0 || d.compareTo(NEWEST) > 0)
                        .map(Capability::toString)
                        .distinct()
                        .collect(Collectors.joining(", "));
        return others.isEmpty()
                ? Optional.empty()
                : Optional.of(
                        "ND4J has no code for this GPU: found=compute capability "
                                + others
                                + ", expected="
                                + expected);
    }
}
