package io.abmesh.teacher.process;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Rules of the configuration that concern more than a range. */
final class ConfigRules {
    private static final Pattern ADDRESS =
            Pattern.compile("[^\\s:/]+:[0-9]{1,5}|\\[[0-9a-fA-F:]+]:[0-9]{1,5}");
    private static final Pattern WORKER_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");
    private static final long MIN_STREAM_BYTES = 1 << 20;

    private ConfigRules() {}

    /** Returns every problem, one sentence each. */
    static List<String> problems(TeacherConfig config) {
        List<String> problems = new ArrayList<>();
        long share = config.heldMemory().asLongValue() / config.maxStreams();
        if (share < MIN_STREAM_BYTES) {
            problems.add(
                    "abmesh.teacher.held-memory gives each of max-streams too little: found="
                            + share
                            + " bytes, expected at least="
                            + MIN_STREAM_BYTES);
        }
        if (config.cacheDirectory().isPresent()
                && config.cacheMaxSize().asLongValue() < MIN_STREAM_BYTES) {
            problems.add(
                    "abmesh.teacher.cache-max-size is too small: found="
                            + config.cacheMaxSize().asLongValue()
                            + " bytes, expected at least="
                            + MIN_STREAM_BYTES);
        }
        address("coordinator-address", config.coordinatorAddress(), problems);
        if (!WORKER_ID.matcher(config.workerId()).matches()) {
            problems.add(
                    "abmesh.teacher.worker-id is not a name: found="
                            + config.workerId()
                            + ", expected=letters, digits, `.`, `_`, `-`, at most 63");
        }
        if (config.engineThreads().isPresent() && config.engineThreads().getAsInt() < 1) {
            problems.add(
                    "abmesh.teacher.engine-threads is out of range: found="
                            + config.engineThreads().getAsInt()
                            + ", expected at least=1");
        }
        positive("stall-timeout", config.stallTimeout(), problems);
        positive("stop-grace", config.stopGrace(), problems);
        return problems;
    }

    private static void address(String key, Optional<String> value, List<String> problems) {
        if (value.isPresent() && !ADDRESS.matcher(value.get()).matches()) {
            problems.add(
                    "abmesh.teacher."
                            + key
                            + " is not an address: found="
                            + value.get()
                            + ", expected=host:port");
        }
    }

    private static void positive(String key, Duration value, List<String> problems) {
        if (value.isNegative() || value.isZero()) {
            problems.add("abmesh.teacher." + key + " is not positive: found=" + value);
        }
    }
}
