package io.abmesh.student.process;

import io.abmesh.proto.process.CannotRun;
import io.abmesh.proto.process.PlainNumbers;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import org.jspecify.annotations.Nullable;

/**
 * The program. Its exit code is {@link CannotRun#EXIT_CODE} if it cannot run, and the JVM's 143
 * after SIGTERM.
 */
@QuarkusMain
public final class Main {
    private Main() {}

    /** Starts the worker; returns when it has stopped. */
    public static void main(String... arguments) {
        PlainNumbers.everywhere();
        Quarkus.run(StudentWorker.class, Main::exit, arguments);
    }

    private static void exit(int code, @Nullable Throwable failure) {
        // Before the worker's own code runs, only the configuration and the HTTP port can be wrong.
        System.exit(failure == null ? code : CannotRun.because(failure));
    }
}
