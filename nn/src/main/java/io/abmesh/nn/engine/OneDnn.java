package io.abmesh.nn.engine;

import java.util.Optional;
import org.bytedeco.dnnl.dnnl_version_t;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ops.executioner.OpExecutioner.ExecutionerType;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The oneDNN library, called directly: ND4J's operators reach it too, but pick layouts by
 * themselves and change them around every call, and have no batch norm of it for training.
 */
final class OneDnn {
    private static final @Nullable OneDnn FOUND = load();

    private final engine processor = new engine(org.bytedeco.dnnl.engine.kind.cpu, 0);

    private OneDnn() {}

    /**
     * Returns the library, or nothing where ND4J does not compute on the processor or the platform
     * has no library of it.
     */
    static Optional<OneDnn> find() {
        return Optional.ofNullable(FOUND);
    }

    private static @Nullable OneDnn load() {
        if (Nd4j.getExecutioner().type() != ExecutionerType.NATIVE_CPU) {
            return null;
        }
        try {
            Loader.load(dnnl.class);
            return new OneDnn();
        } catch (LinkageError e) {
            return null;
        }
    }

    /**
     * Returns version and instruction set, on which the bits of a result depend, for example {@code
     * oneDNN 2.5.2 avx2}.
     */
    String name() {
        dnnl_version_t version = dnnl.dnnl_version();
        return "oneDNN %d.%d.%d %s"
                .formatted(
                        version.major(),
                        version.minor(),
                        version.patch(),
                        dnnl.get_effective_cpu_isa());
    }

    /** Returns the processor; lives as long as the process. */
    engine processor() {
        return processor;
    }
}
