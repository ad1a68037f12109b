package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.FieldViolation;
import io.abmesh.proto.error.MeshException;
import io.grpc.Status;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Says how the command ends for an error of the mesh. */
public final class RunFailure {

    /** Codes that mean: what the user gave is wrong, and would be again. */
    private static final Set<Status.Code> BAD_INPUT =
            EnumSet.of(
                    Status.Code.INVALID_ARGUMENT,
                    Status.Code.NOT_FOUND,
                    Status.Code.FAILED_PRECONDITION,
                    Status.Code.PERMISSION_DENIED,
                    Status.Code.UNAUTHENTICATED);

    private RunFailure() {}

    /** Returns the error: its message, the problems it names a line each, and {@link #exitCode}. */
    public static CliException of(MeshException error) {
        List<String> details = error.fieldViolations().stream().map(RunFailure::detail).toList();
        return new CliException(
                exitCode(error.reason()), String.valueOf(error.getMessage()), details);
    }

    /** Returns the error that a file of a finished run in {@code folder} did not arrive. */
    static CliException ofResult(String name, Path folder, MeshException error) {
        return new CliException(
                ExitCode.WORKER_FAILED,
                "the run is done, but %s did not arrive: %s".formatted(name, error.getMessage()),
                List.of("--resume '%s' fetches the result".formatted(folder)),
                error);
    }

    /** Returns 2 for what the user can mend, 3 for what the mesh could not do. */
    static ExitCode exitCode(ErrorReason reason) {
        boolean ours =
                reason == ErrorReason.EXPORT_MISMATCH || reason == ErrorReason.STREAM_PROTOCOL;
        return BAD_INPUT.contains(reason.code()) && !ours
                ? ExitCode.BAD_INPUT
                : ExitCode.WORKER_FAILED;
    }

    private static String detail(FieldViolation violation) {
        return violation.field() + ": " + violation.description();
    }
}
