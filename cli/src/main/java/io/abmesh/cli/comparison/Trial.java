package io.abmesh.cli.comparison;

import java.util.Optional;

/**
 * One run of a study, whatever became of it.
 *
 * @param method name of its method
 * @param fraction of the training split, 0 where the study names none
 * @param trainCount training samples
 * @param seed of its plan
 * @param folder its folder, relative to the study's
 * @param planSha256 digest of the complete plan that it is to learn
 * @param measured what it reached, once it is done
 * @param failure why it failed, in one line, if it did
 */
public record Trial(
        String method,
        double fraction,
        int trainCount,
        long seed,
        String folder,
        String planSha256,
        Optional<Measured> measured,
        Optional<String> failure) {

    /** Returns this with what it reached. */
    public Trial done(Measured result) {
        return new Trial(
                method,
                fraction,
                trainCount,
                seed,
                folder,
                planSha256,
                Optional.of(result),
                Optional.empty());
    }

    /** Returns this with why it failed. */
    public Trial failed(String reason) {
        return new Trial(
                method,
                fraction,
                trainCount,
                seed,
                folder,
                planSha256,
                Optional.empty(),
                Optional.of(reason));
    }

    /** Returns {@code done}, {@code failed} or {@code open}. */
    public String state() {
        if (measured.isPresent()) {
            return "done";
        }
        return failure.isPresent() ? "failed" : "open";
    }
}
