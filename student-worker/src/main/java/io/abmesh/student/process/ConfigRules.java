package io.abmesh.student.process;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Rules of the configuration that concern more than a range. */
final class ConfigRules {
    private static final Pattern ADDRESS =
            Pattern.compile("[^\\s:/]+:[0-9]{1,5}|\\[[0-9a-fA-F:]+]:[0-9]{1,5}");
    private static final Pattern WORKER_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");
    private static final long MIN_PREFETCH_BYTES = 1 << 20;

    private ConfigRules() {}

    /** Returns every problem, one sentence each. */
    static List<String> problems(StudentConfig config) {
        List<String> problems = new ArrayList<>();
        if (!ADDRESS.matcher(config.coordinatorAddress()).matches()) {
            problems.add(
                    "abmesh.student.coordinator-address is not an address: found="
                            + config.coordinatorAddress()
                            + ", expected=host:port");
        }
        if (!WORKER_ID.matcher(config.workerId()).matches()) {
            problems.add(
                    "abmesh.student.worker-id is not a name: found="
                            + config.workerId()
                            + ", expected=letters, digits, `.`, `_`, `-`, at most 63");
        }
        if (config.prefetchMemory().asLongValue() < MIN_PREFETCH_BYTES) {
            problems.add(
                    "abmesh.student.prefetch-memory is too small: found="
                            + config.prefetchMemory().asLongValue()
                            + " bytes, expected at least="
                            + MIN_PREFETCH_BYTES);
        }
        if (config.threads().isPresent() && config.threads().getAsInt() < 1) {
            problems.add(
                    "abmesh.student.threads is out of range: found="
                            + config.threads().getAsInt()
                            + ", expected at least=1");
        }
        positive("fetch-deadline", config.fetchDeadline(), problems);
        positive("batch-timeout", config.batchTimeout(), problems);
        positive("peer-timeout", config.peerTimeout(), problems);
        positive("stop-grace", config.stopGrace(), problems);
        return problems;
    }

    private static void positive(String key, Duration value, List<String> problems) {
        if (value.isNegative() || value.isZero()) {
            problems.add("abmesh.student." + key + " is not positive: found=" + value);
        }
    }
}
