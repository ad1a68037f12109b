package io.abmesh.nn.training;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.abmesh.nn.network.ParameterSpec;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/**
 * Initial values, a function of seed and name, so that one array's values do not depend on which
 * others there are.
 *
 * <p>Convolutions {@code ~ N(0, sqrt(2 / (k * k * outChannels)))}, connectors among them; gamma and
 * variances 1, beta and means 0; linear weights uniform in {@code +-1 / sqrt(in)}, as PyTorch
 * leaves them in the authors' script, linear bias 0.
 */
final class InitialWeights {
    private final long seed;

    InitialWeights(long seed) {
        this.seed = seed;
    }

    float[] of(ParameterSpec parameter) {
        float[] values = new float[parameter.elements()];
        SplittableRandom random = random(parameter.name());
        switch (parameter.kind()) {
            case CONVOLUTION_WEIGHT -> {
                long kernel = parameter.shape().get(2) * parameter.shape().get(3);
                double deviation = Math.sqrt(2.0 / (kernel * parameter.shape().get(0)));
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (deviation * random.nextGaussian());
                }
            }
            case LINEAR_WEIGHT -> {
                double bound = 1 / Math.sqrt(parameter.shape().get(1));
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) (bound * (2 * random.nextDouble() - 1));
                }
            }
            case SCALE, RUNNING_VARIANCE -> Arrays.fill(values, 1f);
            case SHIFT, LINEAR_BIAS, RUNNING_MEAN -> Arrays.fill(values, 0f);
        }
        return values;
    }

    private SplittableRandom random(String name) {
        CRC32C hash = new CRC32C();
        hash.update(name.getBytes(UTF_8));
        return new SplittableRandom((seed * 0x9E3779B97F4A7C15L) ^ (hash.getValue() << 16));
    }
}
