package io.abmesh.e2e.harness;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Struct;
import com.google.protobuf.util.JsonFormat;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.v1.ListRunsRequest;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.WatchRunRequest;
import io.abmesh.proto.v1.WatchRunResponse;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Looks at a running mesh from outside, through its {@code mesh.json}.
 *
 * @param pids process ids by role and index, for example {@code teacher-0}
 * @param coordinator address of the coordinator
 */
public record MeshProbe(Map<String, Long> pids, String coordinator) {

    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /** Reads the mesh of the run in {@code folder}. */
    public static MeshProbe of(Path folder) throws IOException {
        Struct.Builder json = Struct.newBuilder();
        JsonFormat.parser().merge(Files.readString(folder.resolve("mesh.json")), json);
        Map<String, Long> pids = new TreeMap<>();
        String coordinator = "";
        for (var value : json.getFieldsOrThrow("processes").getListValue().getValuesList()) {
            Map<String, com.google.protobuf.Value> process = value.getStructValue().getFieldsMap();
            String role = process.get("role").getStringValue();
            pids.put(
                    role + "-" + (int) process.get("index").getNumberValue(),
                    (long) process.get("pid").getNumberValue());
            if (role.equals("coordinator")) {
                coordinator = "127.0.0.1:" + (int) process.get("grpcPort").getNumberValue();
            }
        }
        assertThat(coordinator).as("address in %s", folder.resolve("mesh.json")).isNotEmpty();
        return new MeshProbe(pids, coordinator);
    }

    /** Looks at a mesh that no command has started, at its coordinator's address. */
    public static MeshProbe at(String coordinator) {
        return new MeshProbe(Map.of(), coordinator);
    }

    /** Returns when step {@code step} of the only run is committed. */
    public void awaitStep(long step) {
        if (!reaches(step)) {
            throw new AssertionError("the run ended before step " + step);
        }
    }

    /**
     * Returns true when step {@code step} of the only run is committed, false when it has ended
     * before; waits for a coordinator that is not there.
     */
    public boolean reaches(long step) {
        return watch(
                updates -> {
                    while (updates.hasNext()) {
                        if (updates.next().getRun().getCommittedStep() >= step) {
                            return true;
                        }
                    }
                    return false;
                });
    }

    /** Returns the name of the student that led when a step was committed; waits for the step. */
    public String leaderAt(long step) {
        return watch(
                updates -> {
                    String leader = "";
                    while (updates.hasNext()) {
                        RunEvent event = updates.next().getEvent();
                        if (event.hasRosterFormed()) {
                            leader = event.getRosterFormed().getWorkerIds(0);
                        }
                        if (event.hasStepCommitted()
                                && event.getStepCommitted().getStep() == step) {
                            return leader;
                        }
                    }
                    throw new AssertionError("the run ended before step " + step);
                });
    }

    /** Looks at the updates of the only run, from its first event on. */
    private <T> T watch(Function<Iterator<WatchRunResponse>, T> look) {
        ManagedChannel channel = MeshChannels.open("probe", coordinator);
        Context.CancellableContext context = Context.current().withCancellation();
        try {
            return context.call(
                    () -> {
                        RunServiceGrpc.RunServiceBlockingStub runs =
                                RunServiceGrpc.newBlockingStub(channel)
                                        .withWaitForReady()
                                        .withDeadlineAfter(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                        String run =
                                runs.listRuns(ListRunsRequest.getDefaultInstance())
                                        .getRuns(0)
                                        .getRunId();
                        Iterator<WatchRunResponse> updates =
                                runs.watchRun(
                                        WatchRunRequest.newBuilder()
                                                .setRunId(run)
                                                .setAfterEvent(-1)
                                                .build());
                        return look.apply(updates);
                    });
        } catch (StatusRuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new AssertionError(e);
        } finally {
            context.cancel(null);
            MeshChannels.close(channel, Duration.ofSeconds(2));
        }
    }

    /** Returns when the only run has ended well. */
    public void awaitSuccess() {
        RunEvent last =
                watch(
                        updates -> {
                            RunEvent event = RunEvent.getDefaultInstance();
                            while (updates.hasNext()) {
                                event = updates.next().getEvent();
                            }
                            return event;
                        });
        assertThat(last.getRunEnded().getState())
                .as("%s", last)
                .isEqualTo(RunState.RUN_STATE_SUCCEEDED);
    }

    /** Kills a process without a chance to do anything, and returns when it is gone. */
    public void kill(String name) {
        ProcessHandle.of(pids.get(name))
                .ifPresent(
                        process -> {
                            process.destroyForcibly();
                            awaitEnd(process);
                        });
    }

    /** Sends a signal to a process, for example {@code STOP}. */
    public void signal(String name, String signal) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + signal, String.valueOf(pids.get(name)))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }

    /** Returns when a process has ended. */
    public void awaitEnd(String name) {
        ProcessHandle.of(pids.get(name)).ifPresent(MeshProbe::awaitEnd);
    }

    /** Returns when every process but the command has ended. */
    public void awaitEndOfChildren() {
        pids.forEach(
                (name, pid) -> {
                    if (!name.startsWith("cli")) {
                        ProcessHandle.of(pid).ifPresent(MeshProbe::awaitEnd);
                    }
                });
    }

    private static void awaitEnd(ProcessHandle process) {
        process.onExit().orTimeout(60, TimeUnit.SECONDS).join();
    }
}
