package io.abmesh.coordinator.process;

import jakarta.inject.Singleton;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Readiness over HTTP: up while the gRPC server takes calls. */
@Readiness
@Singleton
final class ServingHealth implements HealthCheck {
    private final AtomicBoolean serving = new AtomicBoolean();

    void set(boolean serves) {
        serving.set(serves);
    }

    @Override
    public HealthCheckResponse call() {
        return HealthCheckResponse.named("grpc").status(serving.get()).build();
    }
}
