package io.abmesh.cli.run;

import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.mesh.LocalMesh;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A mesh in a temporary folder that is removed with it, also when the command is interrupted.
 *
 * @param path the folder
 * @param folder the same, taken
 * @param mesh its processes
 * @param specs how they are started
 * @param interruption removes everything when the JVM ends first
 */
record TemporaryMesh(
        Path path, RunFolder folder, LocalMesh mesh, MeshSpecs specs, Thread interruption)
        implements AutoCloseable {

    static TemporaryMesh create(Installation installation) throws IOException {
        Path path = Files.createTempDirectory("abmesh");
        RunFolder folder = RunFolder.take(path);
        LocalMesh mesh = new LocalMesh(installation, folder.meshFile(), folder.ready(), end -> {});
        Thread interruption = new Thread(() -> remove(mesh, folder, path), "abmesh-interruption");
        Runtime.getRuntime().addShutdownHook(interruption);
        return new TemporaryMesh(
                path, folder, mesh, new MeshSpecs(installation, folder, mesh), interruption);
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(interruption);
        } catch (IllegalStateException e) {
            // The JVM ends already: the hook does it.
            return;
        }
        remove(mesh, folder, path);
    }

    private static void remove(LocalMesh mesh, RunFolder folder, Path path) {
        mesh.stop();
        try {
            folder.close();
            folder.discardIfNotBegun();
            Files.deleteIfExists(path);
        } catch (IOException e) {
            // A leftover in the folder for temporary files harms nobody.
        }
    }
}
