package io.abmesh.coordinator.cluster.operator;

import io.fabric8.kubernetes.client.http.BasicBuilder;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.Interceptor;
import java.net.URI;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a client asked of the API server, in the words of RBAC: {@code verb group/resource}. */
final class RequestLog implements Interceptor {
    private static final Pattern PATH =
            Pattern.compile(
                    "/(?:api|apis/(?<group>[^/]+))/[^/]+/namespaces/[^/]+/(?<resource>[^/?]+)"
                            + "(?:/(?<name>[^/?]+))?(?:/(?<sub>[^/?]+))?");

    private final Map<String, AtomicInteger> counts = new ConcurrentHashMap<>();

    /** Returns every permission that was asked for. */
    Set<String> asked() {
        return Set.copyOf(counts.keySet());
    }

    /** Returns how often something was asked for. */
    int count(String permission) {
        AtomicInteger count = counts.get(permission);
        return count == null ? 0 : count.get();
    }

    @Override
    public void before(BasicBuilder builder, HttpRequest request, RequestTags tags) {
        log(request.method(), request.uri());
    }

    private void log(String method, URI uri) {
        Matcher path = PATH.matcher(uri.getPath());
        if (!path.matches()) {
            return; // the version, which everybody may ask
        }
        String query = uri.getQuery() == null ? "" : uri.getQuery();
        boolean one = path.group("name") != null;
        String sub = path.group("sub") == null ? "" : "/" + path.group("sub");
        String object =
                (path.group("group") == null ? "" : path.group("group"))
                        + "/"
                        + path.group("resource")
                        + sub;
        switch (method) {
            case "GET" -> {
                if (query.contains("watch=true")) {
                    add("watch " + object);
                } else {
                    add((one ? "get " : "list ") + object);
                }
            }
            case "POST" -> add("create " + object);
            case "PUT" -> add("update " + object);
            case "DELETE" -> add((one ? "delete " : "deletecollection ") + object);
            case "PATCH" -> {
                add("patch " + object);
                boolean applies = query.contains("fieldManager") && sub.isEmpty();
                if (applies) {
                    add("create " + object);
                }
            }
            default -> throw new IllegalStateException("unknown method: " + method);
        }
    }

    private void add(String permission) {
        counts.computeIfAbsent(permission, p -> new AtomicInteger()).incrementAndGet();
    }
}
