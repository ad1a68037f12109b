package io.abmesh.cli.run;

import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.mesh.LocalMesh;
import io.abmesh.cli.mesh.Role;
import io.abmesh.cli.mesh.ServiceSpec;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * How the processes of a run are started: which program, in which folder, with which configuration.
 */
final class MeshSpecs {

    /** The mesh of one machine talks over loopback only. */
    static final String HOST = "127.0.0.1";

    private final Installation installation;
    private final RunFolder folder;
    private final LocalMesh mesh;

    MeshSpecs(Installation installation, RunFolder folder, LocalMesh mesh) {
        this.installation = installation;
        this.folder = folder;
        this.mesh = mesh;
    }

    /**
     * Returns the coordinator's.
     *
     * @param grpcPort port of its gRPC server: 0 for any at first, the same again when it is
     *     restarted, since workers know it
     * @param httpPort port of its page: likewise, since browsers know it
     */
    ServiceSpec coordinator(int grpcPort, int httpPort) {
        return spec(
                Role.COORDINATOR,
                0,
                Map.of(
                        "abmesh.coordinator.host",
                        HOST,
                        "abmesh.coordinator.grpc-port",
                        String.valueOf(grpcPort),
                        ServiceSpec.HTTP_PORT,
                        String.valueOf(httpPort),
                        "abmesh.coordinator.store-directory",
                        folder.store().toString()));
    }

    /** Returns a teacher-worker's. */
    ServiceSpec teacher(
            int index, String coordinatorAddress, String model, boolean trusted, Path cache) {
        Map<String, String> properties = worker(Role.TEACHER, index, coordinatorAddress);
        properties.put("abmesh.teacher.model", model);
        properties.put("abmesh.teacher.trusted", String.valueOf(trusted));
        properties.put(
                "abmesh.teacher.cache-directory", cache.resolve("teacher-" + index).toString());
        return spec(Role.TEACHER, index, properties);
    }

    /** Returns that of a teacher-worker that belongs to no mesh and keeps no cache. */
    ServiceSpec standAloneTeacher(String model, boolean trusted) {
        return spec(
                Role.TEACHER,
                0,
                Map.of(
                        "abmesh.teacher.host",
                        HOST,
                        "abmesh.teacher.grpc-port",
                        "0",
                        "abmesh.teacher.model",
                        model,
                        "abmesh.teacher.trusted",
                        String.valueOf(trusted)));
    }

    /**
     * Returns a student-worker's. Each has its own checkpoints; the first's lie where one's do.
     *
     * @param threads compute threads; 0: as many as there are processors
     */
    ServiceSpec student(int index, String coordinatorAddress, int threads) {
        Map<String, String> properties = worker(Role.STUDENT, index, coordinatorAddress);
        if (threads > 0) {
            properties.put("abmesh.student.threads", String.valueOf(threads));
        }
        installation.commit().ifPresent(c -> properties.put("abmesh.student.commit", c));
        properties.put(
                "abmesh.student.checkpoint-directory",
                (index == 0
                                ? folder.checkpoint()
                                : folder.checkpoint().resolve(Role.STUDENT.processName(index)))
                        .toString());
        return spec(Role.STUDENT, index, properties);
    }

    private static Map<String, String> worker(Role role, int index, String coordinatorAddress) {
        String prefix = "abmesh." + role.word() + ".";
        Map<String, String> properties = new HashMap<>();
        properties.put(prefix + "host", HOST);
        properties.put(prefix + "grpc-port", "0");
        properties.put(prefix + "worker-id", role.processName(index));
        properties.put(prefix + "coordinator-address", coordinatorAddress);
        return properties;
    }

    private ServiceSpec spec(Role role, int index, Map<String, String> properties) {
        String name = role.processName(index);
        return new ServiceSpec(
                role,
                index,
                installation.program(role),
                properties,
                folder.path(),
                folder.logs().resolve(name + ".log"),
                mesh.readyFile(name));
    }
}
