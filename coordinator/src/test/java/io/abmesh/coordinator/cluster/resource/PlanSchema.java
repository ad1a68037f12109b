package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import io.abmesh.coordinator.plan.PlanNames;
import io.abmesh.proto.v1.Plan;
import java.util.Map;

/**
 * OpenAPI schema of a plan, made of its one definition, the message {@link Plan}. Nothing is
 * required and unknown keys stay, so that the plan reader tells all that is missing or unknown at
 * once; a default that depends on other values is the plan reader's too.
 */
final class PlanSchema {
    /** Bounds of a number; a bound that is absent is infinite. */
    record Bounds(double min, boolean open, double max, boolean openMax) {
        static Bounds atLeast(double min) {
            return new Bounds(min, false, Double.POSITIVE_INFINITY, false);
        }

        static Bounds moreThan(double min) {
            return new Bounds(min, true, Double.POSITIVE_INFINITY, false);
        }

        Bounds atMost(double limit) {
            return new Bounds(min, open, limit, false);
        }

        Bounds lessThan(double limit) {
            return new Bounds(min, open, limit, true);
        }
    }

    /** Bounds that hold whatever the other values are, as {@code PlanValidator} has them. */
    static final Map<String, Bounds> BOUNDS =
            Map.ofEntries(
                    Map.entry("Plan.batch", Bounds.atLeast(2).atMost(65_536)),
                    Map.entry("Plan.micro_batches", Bounds.atLeast(1)),
                    Map.entry("Plan.evaluate_every_epochs", Bounds.atLeast(0)),
                    Map.entry("Plan.checkpoint_every_steps", Bounds.atLeast(0)),
                    Map.entry("SplitPlan.images", Bounds.atLeast(0)),
                    Map.entry("SplitPlan.fraction", Bounds.moreThan(0).atMost(1)),
                    Map.entry("AugmentationPlan.crop", Bounds.atLeast(0).atMost(64)),
                    Map.entry("AugmentationPlan.variants", Bounds.atLeast(0)),
                    Map.entry("PhasePlan.epochs", Bounds.moreThan(0).atMost(1e6)),
                    Map.entry("LossPlan.weight", Bounds.moreThan(0)),
                    Map.entry("OptimizerPlan.learning_rate", Bounds.moreThan(0)),
                    Map.entry("OptimizerPlan.momentum", Bounds.atLeast(0).lessThan(1)),
                    Map.entry("OptimizerPlan.weight_decay", Bounds.atLeast(0).lessThan(1)),
                    Map.entry("UntilPlan.plateau_epochs", Bounds.atLeast(0)),
                    Map.entry("UntilPlan.agreement", Bounds.atLeast(0).atMost(1)));

    private final ObjectMapper json = new ObjectMapper();
    private final Map<String, String> comments;

    PlanSchema(Map<String, String> comments) {
        this.comments = comments;
    }

    /** Returns the schema of {@code spec.plan}. */
    ObjectNode schema(String description) {
        return message(Plan.getDescriptor(), description);
    }

    private ObjectNode message(Descriptor type, String description) {
        ObjectNode schema = json.createObjectNode();
        schema.put("description", description).put("type", "object");
        schema.put("x-kubernetes-preserve-unknown-fields", true);
        ObjectNode properties = schema.putObject("properties");
        for (FieldDescriptor field : type.getFields()) {
            properties.set(field.getJsonName(), field(field));
        }
        return schema;
    }

    private ObjectNode field(FieldDescriptor field) {
        String key = field.getContainingType().getName() + "." + field.getName();
        String comment = comments.getOrDefault(key, "");
        if (field.isRepeated()) {
            ObjectNode list = json.createObjectNode();
            list.put("description", comment).put("type", "array");
            list.set("items", single(field, ""));
            return list;
        }
        ObjectNode schema = single(field, comment);
        Bounds bounds = BOUNDS.get(key);
        if (bounds != null) {
            schema.put("minimum", bounds.min());
            if (bounds.open()) {
                schema.put("exclusiveMinimum", true);
            }
            if (Double.isFinite(bounds.max())) {
                schema.put("maximum", bounds.max());
                if (bounds.openMax()) {
                    schema.put("exclusiveMaximum", true);
                }
            }
        }
        return schema;
    }

    private ObjectNode single(FieldDescriptor field, String comment) {
        if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
            return message(field.getMessageType(), comment);
        }
        ObjectNode schema = json.createObjectNode();
        if (!comment.isEmpty()) {
            schema.put("description", comment);
        }
        switch (field.getJavaType()) {
            case INT -> schema.put("type", "integer").put("format", "int32");
            case LONG -> schema.put("type", "integer").put("format", "int64");
            case FLOAT, DOUBLE -> schema.put("type", "number");
            case BOOLEAN -> schema.put("type", "boolean");
            case STRING -> schema.put("type", "string");
            case ENUM -> {
                schema.put("type", "string");
                for (EnumValueDescriptor constant : field.getEnumType().getValues()) {
                    if (constant.getNumber() != 0) {
                        schema.withArray("enum").add(PlanNames.yamlName(constant));
                    }
                }
            }
            case BYTE_STRING, MESSAGE ->
                    throw new IllegalStateException("no schema for " + field.getFullName());
        }
        return schema;
    }
}
