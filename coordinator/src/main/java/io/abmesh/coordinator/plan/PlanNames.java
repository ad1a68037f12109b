package io.abmesh.coordinator.plan;

import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import java.util.List;
import java.util.Locale;

/** Constants of the contract as people write and read them. */
public final class PlanNames {
    private PlanNames() {}

    /** {@code LOSS_KIND_CROSS_ENTROPY} is {@code crossEntropy} to a user. */
    public static String yamlName(EnumValueDescriptor constant) {
        String prefix =
                constant.getType()
                                .getName()
                                .replaceAll("([a-z0-9])([A-Z])", "$1_$2")
                                .toUpperCase(Locale.ROOT)
                        + "_";
        StringBuilder name = new StringBuilder();
        for (String word : constant.getName().substring(prefix.length()).split("_")) {
            String lower = word.toLowerCase(Locale.ROOT);
            name.append(
                    name.isEmpty()
                            ? lower
                            : Character.toUpperCase(lower.charAt(0)) + lower.substring(1));
        }
        return name.toString();
    }

    /** Returns the names that a user may write. */
    static List<String> yamlNames(EnumDescriptor type) {
        return type.getValues().stream()
                .filter(value -> value.getNumber() != 0)
                .map(PlanNames::yamlName)
                .toList();
    }
}
