package io.abmesh.coordinator.plan;

import com.google.protobuf.Descriptors.EnumValueDescriptor;

/** What the parts of a plan are called in YAML. */
public final class PlanNames {
    private PlanNames() {}

    /** Returns the YAML name of a constant: {@code LOSS_KIND_KD} is {@code kd} to a user. */
    public static String yamlName(EnumValueDescriptor constant) {
        return PlanReader.yamlName(constant);
    }
}
