package io.abmesh.proto.identity;

import static java.util.Objects.requireNonNull;

import java.net.URI;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Who a process is, as its certificate says: one URI among the subject's alternative names, a
 * SPIFFE id, {@code spiffe://MESH/coordinator}, {@code spiffe://MESH/client}, {@code
 * spiffe://MESH/run/RUN/teacher} or {@code spiffe://MESH/run/RUN/student}. Host names and addresses
 * mean nothing: pods change theirs.
 *
 * @param mesh installation, on Kubernetes the namespace; lower-case letters, digits, {@code .},
 *     {@code -}, {@code _}
 * @param role part that the process plays
 * @param run request of the run that it works for, on Kubernetes the uid of its resource; empty
 *     exactly for roles that work for none
 * @see <a href="https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md">SPIFFE id</a>
 */
public record MeshIdentity(String mesh, MeshRole role, Optional<String> run) {
    private static final Pattern MESH = Pattern.compile("[a-z0-9._-]{1,255}");
    private static final Pattern RUN = Pattern.compile("[A-Za-z0-9._-]{1,253}");
    private static final Pattern PATH =
            Pattern.compile("/(?:run/(?<run>[A-Za-z0-9._-]{1,253})/)?(?<role>[a-z]+)");

    /** Kind of an alternative name that is a URI, by RFC 5280. */
    private static final Integer URI_NAME = 6;

    public MeshIdentity {
        requireNonNull(role, "role");
        if (!MESH.matcher(mesh).matches()) {
            throw new IllegalArgumentException("mesh cannot be a trust domain: found=" + mesh);
        }
        if (run.isPresent() != role.ofRun()
                || !run.map(name -> RUN.matcher(name).matches()).orElse(true)) {
            throw new IllegalArgumentException(
                    "role and run do not fit: role=" + role.word() + ", run=" + run.orElse(""));
        }
    }

    /** Returns the identity of a process that works for no run. */
    public static MeshIdentity of(String mesh, MeshRole role) {
        return new MeshIdentity(mesh, role, Optional.empty());
    }

    /** Returns the identity of a worker of a run. */
    public static MeshIdentity of(String mesh, String run, MeshRole role) {
        return new MeshIdentity(mesh, role, Optional.of(run));
    }

    /**
     * Returns the identity that a certificate names.
     *
     * @throws CertificateException if it names none, or more than one
     */
    public static MeshIdentity of(X509Certificate certificate) throws CertificateException {
        Collection<List<?>> names = certificate.getSubjectAlternativeNames();
        List<String> uris =
                (names == null ? List.<List<?>>of() : names)
                        .stream()
                                .filter(name -> URI_NAME.equals(name.get(0)))
                                .map(name -> String.valueOf(name.get(1)))
                                .toList();
        Optional<MeshIdentity> identity = uris.size() == 1 ? parse(uris.get(0)) : Optional.empty();
        return identity.orElseThrow(
                () ->
                        new CertificateException(
                                "certificate names no part of a mesh: found="
                                        + uris
                                        + ", expected=one of spiffe://MESH/ROLE and"
                                        + " spiffe://MESH/run/RUN/ROLE"));
    }

    private static Optional<MeshIdentity> parse(String uri) {
        URI parsed;
        try {
            parsed = URI.create(uri);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
        String mesh = parsed.getRawAuthority();
        Matcher path = PATH.matcher(parsed.getRawPath() == null ? "" : parsed.getRawPath());
        boolean plain = parsed.getRawQuery() == null && parsed.getRawFragment() == null;
        if (!"spiffe".equals(parsed.getScheme())
                || mesh == null
                || !MESH.matcher(mesh).matches()
                || !plain
                || !path.matches()) {
            return Optional.empty();
        }
        Optional<String> run = Optional.ofNullable(path.group("run"));
        return MeshRole.byWord(path.group("role"))
                .filter(role -> role.ofRun() == run.isPresent())
                .map(role -> new MeshIdentity(mesh, role, run));
    }

    /** Returns the SPIFFE id. */
    public URI uri() {
        return URI.create(
                "spiffe://%s%s/%s"
                        .formatted(mesh, run.map(name -> "/run/" + name).orElse(""), role.word()));
    }

    /**
     * Returns why this process may not talk to a peer, or nothing if it may: a peer is of the same
     * mesh, has one of the roles and, where both work for a run, works for the same.
     */
    public Optional<String> refusal(MeshIdentity peer, Set<MeshRole> roles) {
        boolean sameRun = run.isEmpty() || peer.run.isEmpty() || run.equals(peer.run);
        if (peer.mesh.equals(mesh) && roles.contains(peer.role) && sameRun) {
            return Optional.empty();
        }
        String expected =
                roles.stream().map(MeshRole::word).sorted().collect(Collectors.joining(" or "));
        return Optional.of(
                "found=%s, expected=%s of %s%s"
                        .formatted(
                                peer.uri(),
                                expected,
                                mesh,
                                run.map(name -> " and run " + name).orElse("")));
    }
}
