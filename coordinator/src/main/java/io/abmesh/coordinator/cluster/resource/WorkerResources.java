package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Pattern;

/**
 * What a worker gets. Memory is request and limit at once, since a worker plans with all of it; of
 * the processors it may use more when they are idle.
 */
public record WorkerResources(
        @JsonPropertyDescription("Processors: request and compute threads, for example 2.")
                @Default(CPU)
                @Min(1)
                @Max(256)
                int cpu,
        @JsonPropertyDescription(
                        "Memory in Mi or Gi: request and limit; heap, direct buffers and native tensors are sized by it.")
                @Default(MEMORY)
                @Pattern(MEMORY_PATTERN)
                String memory,
        @JsonPropertyDescription("GPUs; more than 0 takes the CUDA image.")
                @Default(GPUS)
                @Min(0)
                @Max(16)
                int gpus,
        @JsonPropertyDescription("Name under which nodes offer GPUs.") @Default(GPU_RESOURCE)
                String gpuResource) {
    /** Processors unless said: {@value}. */
    public static final String CPU = "2";

    /** Memory unless said: {@value}. */
    public static final String MEMORY = "8Gi";

    /** Whole mebibytes or gibibytes. */
    static final String MEMORY_PATTERN = "^[1-9][0-9]{0,6}(Mi|Gi)$";

    /** GPUs unless said: {@value}. */
    public static final String GPUS = "0";

    /** Name of GPUs unless said: {@value}. */
    public static final String GPU_RESOURCE = "nvidia.com/gpu";

    /** All of them, as JSON: {@value}. */
    static final String DEFAULT =
            "{\"cpu\": "
                    + CPU
                    + ", \"memory\": \""
                    + MEMORY
                    + "\", \"gpus\": "
                    + GPUS
                    + ", \"gpuResource\": \""
                    + GPU_RESOURCE
                    + "\"}";

    private static final int KIBI = 1024;

    static WorkerResources defaults() {
        return new WorkerResources(
                Integer.parseInt(CPU), MEMORY, Integer.parseInt(GPUS), GPU_RESOURCE);
    }

    /** Returns the memory in MiB; 0 if it is not of the expected form. */
    public long memoryMebibytes() {
        if (!memory.matches(MEMORY_PATTERN)) {
            return 0;
        }
        long number = Long.parseLong(memory.substring(0, memory.length() - 2));
        return memory.endsWith("Gi") ? number * KIBI : number;
    }
}
