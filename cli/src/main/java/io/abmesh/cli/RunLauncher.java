package io.abmesh.cli;

import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.progress.Console;
import io.abmesh.cli.run.RunOptions;
import io.abmesh.cli.run.RunSession;
import java.time.Clock;
import java.time.ZoneId;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Runs a session, of one run or of a study, and answers signals: SIGINT and SIGTERM stop the
 * processes, keep the state and end with 130.
 */
final class RunLauncher {

    private RunLauncher() {}

    /** What runs to its end, or ends by a {@code CliException}. */
    @FunctionalInterface
    interface Body {
        /** Runs. */
        void run() throws InterruptedException;
    }

    /** Runs to the end and returns the exit code. */
    static int launch(RunOptions options, String command) throws InterruptedException {
        Console console = Consoles.standardOutput();
        RunSession session =
                new RunSession(
                        Installation.fromSystemProperty(),
                        options,
                        console,
                        Clock.system(ZoneId.systemDefault()));
        return launch(
                console,
                session::run,
                () ->
                        session.interrupt()
                                .map(
                                        folder ->
                                                "./abmesh %s --resume '%s'"
                                                        .formatted(command, folder)));
    }

    /**
     * Runs to the end and returns the exit code.
     *
     * @param console of what runs
     * @param interrupt stops every process and returns the command that goes on, if there is
     *     something to go on with
     */
    static int launch(Console console, Body body, Supplier<Optional<String>> interrupt)
            throws InterruptedException {
        Thread interruption = new Thread(() -> interrupted(interrupt), "abmesh-interruption");
        Runtime.getRuntime().addShutdownHook(interruption);
        try {
            body.run();
            return ExitCode.DONE.number();
        } finally {
            try {
                Runtime.getRuntime().removeShutdownHook(interruption);
            } catch (IllegalStateException e) {
                // A signal came first: it ends the process, and this thread has nothing more to
                // say.
                awaitHalt();
            }
            console.settle();
        }
    }

    private static void interrupted(Supplier<Optional<String>> interrupt) {
        System.err.println();
        System.err.println("abmesh: interrupted, stopping");
        interrupt.get().ifPresent(command -> System.err.println("abmesh: resume with: " + command));
        System.err.flush();
        // The JVM would end with 128 + the signal's number, which differs between Ctrl-C and kill.
        Runtime.getRuntime().halt(ExitCode.INTERRUPTED.number());
    }

    private static void awaitHalt() throws InterruptedException {
        Thread.currentThread().join();
    }
}
