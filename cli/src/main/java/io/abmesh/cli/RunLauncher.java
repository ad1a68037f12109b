package io.abmesh.cli;

import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.run.RunOptions;
import io.abmesh.cli.run.RunSession;
import java.time.Clock;
import java.time.ZoneId;

/**
 * Runs a session and answers signals: SIGINT and SIGTERM stop the processes, keep the state and end
 * with 130.
 */
final class RunLauncher {

    private RunLauncher() {}

    /** Runs to the end and returns the exit code. */
    static int launch(RunOptions options, String command) throws InterruptedException {
        RunSession session =
                new RunSession(
                        Installation.fromSystemProperty(),
                        options,
                        Consoles.standardOutput(),
                        Clock.system(ZoneId.systemDefault()));
        Thread interruption =
                new Thread(() -> interrupted(session, command), "abmesh-interruption");
        Runtime.getRuntime().addShutdownHook(interruption);
        try {
            session.run();
            return ExitCode.DONE.number();
        } finally {
            try {
                Runtime.getRuntime().removeShutdownHook(interruption);
            } catch (IllegalStateException e) {
                // A signal came first: it ends the process, and this thread has nothing more to
                // say.
                awaitHalt();
            }
        }
    }

    private static void interrupted(RunSession session, String command) {
        System.err.println();
        System.err.println("abmesh: interrupted, stopping");
        session.interrupt()
                .ifPresent(
                        folder ->
                                System.err.println(
                                        "abmesh: resume with: ./abmesh %s --resume '%s'"
                                                .formatted(command, folder)));
        System.err.flush();
        // The JVM would end with 128 + the signal's number, which differs between Ctrl-C and kill.
        Runtime.getRuntime().halt(ExitCode.INTERRUPTED.number());
    }

    private static void awaitHalt() throws InterruptedException {
        Thread.currentThread().join();
    }
}
