package io.abmesh.coordinator.process;

import io.abmesh.coordinator.cluster.certificate.Authority;
import io.abmesh.coordinator.cluster.certificate.CertificateSecrets;
import io.abmesh.proto.identity.MeshIdentity;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;

/** Credentials in files, as a kubelet writes those of a Secret. */
final class TestingCredentials {
    private final Authority authority = Authority.make("mesh", Instant.now());

    /** Has a credential issued. */
    Path write(Path directory, MeshIdentity identity) throws IOException {
        return mount(
                directory,
                CertificateSecrets.of(
                        new ObjectMeta(),
                        authority.issue(identity, Duration.ofDays(1), Instant.now())));
    }

    /** Writes what a Secret holds. */
    static Path mount(Path directory, Secret secret) throws IOException {
        Files.createDirectories(directory);
        for (Map.Entry<String, String> file : secret.getData().entrySet()) {
            Files.write(
                    directory.resolve(file.getKey()), Base64.getDecoder().decode(file.getValue()));
        }
        return directory;
    }
}
