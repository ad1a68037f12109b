package io.abmesh.coordinator.plan;

import io.abmesh.objects.ObjectAddress;
import io.abmesh.proto.v1.Plan;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A plan with every default filled in.
 *
 * @param plan paths as the user wrote them
 * @param source where its values stand, as long as that is known
 * @param warnings what the user may want to know, one sentence each
 */
public record CompletePlan(Plan plan, PlanSource source, List<String> warnings) {
    private static final String BUILTIN = "builtin:";

    public CompletePlan {
        warnings = List.copyOf(warnings);
    }

    /** Returns a plan that was checked when it was submitted, and written down then. */
    public static CompletePlan stored(Plan plan) {
        return new CompletePlan(plan, new PlanSource(Map.of()), List.of());
    }

    /** Returns the SHA-256 of the plan, the same on every machine since paths are as written. */
    public String sha256() {
        return PlanHash.sha256(plan);
    }

    /**
     * Returns the plan with its paths made absolute; {@code builtin:} names and addresses in an
     * object store stay.
     */
    public Plan resolved(Path baseDirectory) {
        Plan.Builder resolved = plan.toBuilder();
        resolved.getDataBuilder()
                .setLocation(absolute(plan.getData().getLocation(), baseDirectory));
        if (plan.hasTeacher()) {
            resolved.getTeacherBuilder()
                    .setModel(absolute(plan.getTeacher().getModel(), baseDirectory));
        }
        return resolved.build();
    }

    private static String absolute(String path, Path base) {
        return path.startsWith(BUILTIN) || ObjectAddress.isMeantBy(path)
                ? path
                : base.resolve(path).toAbsolutePath().normalize().toString();
    }
}
