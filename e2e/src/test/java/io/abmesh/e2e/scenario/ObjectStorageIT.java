package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.TinyImages;
import io.abmesh.e2e.harness.TinyPlan;
import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectStore;
import io.abmesh.s3.S3Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run on one machine whose images, teacher and result are in an object store. */
final class ObjectStorageIT {
    private static final String DATA = "s3://data/sets/digits";
    private static final String TEACHER = "s3://data/teachers/teacher.onnx";

    @TempDir Path folder;

    @Test
    void imagesAndTeacherComeFromABucketAndTheResultGoesToOne() throws Exception {
        TinyPlan.write(folder);
        try (S3Server server = S3Server.start(Files.createDirectory(folder.resolve("s3")))) {
            server.createBucket("data");
            server.createBucket("results");
            put(server);
            Map<String, String> environment = new HashMap<>(server.environment());
            environment.put("ABMESH_COORDINATOR_RESULTS_LOCATION", "s3://results/mesh");
            environment.put("XDG_CACHE_HOME", folder.resolve("caches").toString());
            try (AbmeshCommand command =
                    AbmeshCommand.start(
                            folder,
                            environment,
                            "run",
                            "plan.yaml",
                            "--out",
                            "out",
                            "--set",
                            "data.location=" + DATA,
                            "--set",
                            "teacher.model=" + TEACHER)) {
                command.await().requireExit(0);
            }

            Path results = server.file("results", "mesh");
            assertThat(names(results)).singleElement().asString().startsWith("tiny-");
            Path result = results.resolve(names(results).get(0));
            for (String name : List.of("report.json", "student.onnx", "student.dl4j.zip")) {
                assertThat(result.resolve(name))
                        .hasSameBinaryContentAs(folder.resolve("out").resolve(name));
            }
            assertThat(names(folder.resolve("caches/abmesh/objects")))
                    .filteredOn(name -> !name.endsWith(".lock"))
                    .satisfiesExactlyInAnyOrder(
                            name -> assertThat(name).startsWith("digits-"),
                            name -> assertThat(name).startsWith("teacher.onnx-"));
        }
    }

    private void put(S3Server server) throws IOException {
        Path images = TinyImages.idx(folder.resolve("images"), 640, 320);
        try (ObjectStore store =
                ObjectStore.at(
                        server.endpoint(),
                        S3Server.REGION,
                        S3Server.ACCESS_KEY_ID,
                        S3Server.SECRET_ACCESS_KEY)) {
            for (String name : names(images)) {
                store.put(images.resolve(name), ObjectAddress.parse(DATA).resolve(name));
            }
            store.put(folder.resolve("teacher.onnx"), ObjectAddress.parse(TEACHER));
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
