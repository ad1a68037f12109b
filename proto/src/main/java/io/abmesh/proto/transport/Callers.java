package io.abmesh.proto.transport;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshIdentity;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.ClusterServiceGrpc;
import io.abmesh.proto.v1.ExchangeServiceGrpc;
import io.abmesh.proto.v1.MembershipServiceGrpc;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.health.v1.HealthGrpc;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;

/**
 * Lets a call pass whose caller has a role that the service is for. Where both work for a run, it
 * must be the same. A service that is not in the table is for nobody. Services learn of the {@link
 * Caller}.
 */
final class Callers implements ServerInterceptor {
    /** Whom each service is for. */
    static final Map<String, Set<MeshRole>> OF_SERVICE =
            Map.of(
                    RunServiceGrpc.SERVICE_NAME, Set.of(MeshRole.CLIENT),
                    ClusterServiceGrpc.SERVICE_NAME, Set.of(MeshRole.CLIENT),
                    AssignmentServiceGrpc.SERVICE_NAME, Set.of(MeshRole.STUDENT),
                    MembershipServiceGrpc.SERVICE_NAME, Set.of(MeshRole.TEACHER),
                    TeacherServiceGrpc.SERVICE_NAME, Set.of(MeshRole.COORDINATOR),
                    BatchServiceGrpc.SERVICE_NAME, Set.of(MeshRole.STUDENT),
                    ExchangeServiceGrpc.SERVICE_NAME, Set.of(MeshRole.STUDENT),
                    HealthGrpc.SERVICE_NAME, Set.copyOf(EnumSet.allOf(MeshRole.class)));

    private final MeshIdentity own;

    Callers(MeshIdentity own) {
        this.own = own;
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        MeshIdentity caller = caller(call);
        String service = String.valueOf(call.getMethodDescriptor().getServiceName());
        Optional<String> refusal = own.refusal(caller, OF_SERVICE.getOrDefault(service, Set.of()));
        if (refusal.isPresent()) {
            throw new MeshException(
                    ErrorReason.ROLE_NOT_ALLOWED,
                    "caller may not use %s: %s".formatted(service, refusal.get()),
                    Map.of("service", service, "caller", caller.uri().toString()));
        }
        return Contexts.interceptCall(
                Context.current().withValue(Caller.IDENTITY, caller), call, headers, next);
    }

    private static MeshIdentity caller(ServerCall<?, ?> call) {
        SSLSession session = call.getAttributes().get(Grpc.TRANSPORT_ATTR_SSL_SESSION);
        try {
            if (session != null
                    && session.getPeerCertificates()[0] instanceof X509Certificate certificate) {
                return MeshIdentity.of(certificate);
            }
            throw new CertificateException("caller shows no certificate");
        } catch (SSLPeerUnverifiedException | CertificateException e) {
            throw new MeshException(
                    ErrorReason.CALLER_NOT_IDENTIFIED, String.valueOf(e.getMessage()));
        }
    }
}
