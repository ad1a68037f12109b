package io.abmesh.coordinator.process;

import io.quarkus.runtime.configuration.MemorySize;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/** Settings of a coordinator in a test: a free port, and a lease that no pause of a test ends. */
record TestingConfig(
        Path storeDirectory,
        Optional<Path> tlsDirectory,
        Optional<String> resultsLocation,
        Optional<MemorySize> objectCacheMaxSize,
        OptionalInt maxParallelRuns)
        implements CoordinatorConfig {
    /** In plain text, results stay where they are, and one run goes on at a time. */
    TestingConfig(Path storeDirectory) {
        this(storeDirectory, OptionalInt.empty());
    }

    /** In plain text, and results stay where they are. */
    TestingConfig(Path storeDirectory, OptionalInt maxParallelRuns) {
        this(storeDirectory, Optional.empty(), Optional.empty(), Optional.empty(), maxParallelRuns);
    }

    /** With a cache of objects that holds them all, and one run goes on at a time. */
    TestingConfig(
            Path storeDirectory, Optional<Path> tlsDirectory, Optional<String> resultsLocation) {
        this(storeDirectory, tlsDirectory, resultsLocation, Optional.empty(), OptionalInt.empty());
    }

    @Override
    public Optional<Path> objectCacheDirectory() {
        return Optional.of(storeDirectory.resolveSibling("objects"));
    }

    @Override
    public String host() {
        return "127.0.0.1";
    }

    @Override
    public Optional<String> advertisedHost() {
        return Optional.empty();
    }

    @Override
    public int grpcPort() {
        return 0;
    }

    @Override
    public Optional<Path> readyFile() {
        return Optional.empty();
    }

    @Override
    public MemorySize batchMemory() {
        return new MemorySize(BigInteger.valueOf(1 << 20));
    }

    @Override
    public Duration lease() {
        return Duration.ofMinutes(10);
    }

    @Override
    public int evaluationBatch() {
        return 8;
    }

    @Override
    public Duration describeDeadline() {
        return Duration.ofSeconds(30);
    }

    @Override
    public Duration stallTimeout() {
        return Duration.ofSeconds(30);
    }

    @Override
    public int traceEverySteps() {
        return 100;
    }

    @Override
    public Duration positionDeadline() {
        return Duration.ofMinutes(10);
    }

    @Override
    public Duration progressDeadline() {
        return Duration.ofMinutes(10);
    }

    @Override
    public Duration stopGrace() {
        return Duration.ZERO;
    }
}
