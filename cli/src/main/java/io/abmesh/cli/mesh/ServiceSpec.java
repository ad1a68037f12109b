package io.abmesh.cli.mesh;

import static java.util.Objects.requireNonNull;

import io.abmesh.proto.process.NativeEnvironment;
import io.abmesh.proto.process.ParentWatch;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How one process of the mesh is started.
 *
 * @param role what it is
 * @param index its number among those of its role, from 0
 * @param program the Quarkus application's jar
 * @param properties system properties that configure it
 * @param folder its working directory
 * @param log file that gets its output, appended
 * @param readyFile where it says that it serves
 */
public record ServiceSpec(
        Role role,
        int index,
        Path program,
        Map<String, String> properties,
        Path folder,
        Path log,
        Path readyFile) {

    /** Property with the port of a process's HTTP server; any free one where it is not set. */
    public static final String HTTP_PORT = "quarkus.http.port";

    /**
     * Bounds of each role's memory, in the order heap, direct buffers. The student's tensors lie
     * outside of both, in memory that JavaCPP counts.
     */
    private static final Map<Role, List<String>> MEMORY =
            Map.of(
                    Role.COORDINATOR,
                    List.of("-Xms32m", "-Xmx384m", "-XX:MaxDirectMemorySize=256m"),
                    Role.TEACHER,
                    List.of("-Xmx768m", "-XX:MaxDirectMemorySize=1g"),
                    Role.STUDENT,
                    List.of(
                            "-Xmx1g",
                            "-XX:MaxDirectMemorySize=512m",
                            "-Dorg.bytedeco.javacpp.maxbytes=6g",
                            "-Dorg.bytedeco.javacpp.maxphysicalbytes=9g"));

    public ServiceSpec {
        requireNonNull(role, "role");
        requireNonNull(program, "program");
        properties = Map.copyOf(properties);
        requireNonNull(folder, "folder");
        requireNonNull(log, "log");
        requireNonNull(readyFile, "readyFile");
    }

    /** Returns its name, for example {@code teacher-0}. */
    public String name() {
        return role.processName(index);
    }

    /** Returns the same process with one property set otherwise. */
    public ServiceSpec withProperty(String key, String value) {
        Map<String, String> changed = new TreeMap<>(properties);
        changed.put(key, value);
        return new ServiceSpec(role, index, program, changed, folder, log, readyFile);
    }

    /** Returns variables of its environment that are set unless the user has set them. */
    public Map<String, String> environment() {
        return role == Role.STUDENT ? NativeEnvironment.student() : NativeEnvironment.common();
    }

    /** Returns the command line: {@code java FLAGS -DPROPERTIES -jar PROGRAM}. */
    public List<String> command(Path java, long parentPid) {
        List<String> command = new ArrayList<>();
        command.add(java.toString());
        command.addAll(requireNonNull(MEMORY.get(role), "memory"));
        if (role == Role.COORDINATOR) {
            // On a laptop it has little to compute: better code would cost more than it gives.
            command.add("-XX:TieredStopAtLevel=1");
        }
        command.add("-XX:+UseSerialGC");
        command.add("-XX:+ExitOnOutOfMemoryError");
        command.add("-Dquarkus.http.host=127.0.0.1");
        command.add("-Dquarkus.banner.enabled=false");
        command.add("-D" + ParentWatch.PARENT_PID + "=" + parentPid);
        command.add("-Dabmesh.%s.ready-file=%s".formatted(role.word(), readyFile));
        Map<String, String> all = new TreeMap<>(properties);
        all.putIfAbsent(HTTP_PORT, "0");
        all.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.add("-jar");
        command.add(program.toString());
        return command;
    }
}
