package io.abmesh.coordinator.plan;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.Plan;
import java.util.List;

/**
 * A complete plan written out with the keys and words that {@link PlanReader} reads, in long form.
 * Reading it again gives the same plan.
 */
public final class PlanDocument {
    private static final ObjectMapper JSON = new ObjectMapper();

    private PlanDocument() {}

    /** Returns the plan as a tree; JSON, which is YAML. */
    public static ObjectNode of(Plan plan) {
        return write(plan);
    }

    private static ObjectNode write(Message message) {
        ObjectNode node = JSON.createObjectNode();
        for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
            if (field.isRepeated()) {
                list(message, field, node);
            } else if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                if (message.hasField(field)) {
                    node.set(field.getJsonName(), write((Message) message.getField(field)));
                }
            } else if (says(message, field)) {
                put(node, field, message.getField(field));
            }
        }
        return node;
    }

    /** A loss carries the numbers of its kind only; elsewhere zero is a value, not an absence. */
    private static boolean says(Message message, FieldDescriptor field) {
        return switch (field.getJavaType()) {
            case ENUM -> ((EnumValueDescriptor) message.getField(field)).getNumber() != 0;
            case STRING -> !message.getField(field).equals("");
            case DOUBLE, BOOLEAN -> !(message instanceof LossPlan) || message.hasField(field);
            case INT, LONG, FLOAT, BYTE_STRING, MESSAGE -> true;
        };
    }

    private static void list(Message message, FieldDescriptor field, ObjectNode node) {
        List<?> values = (List<?>) message.getField(field);
        if (values.isEmpty()) {
            return;
        }
        ArrayNode array = node.putArray(field.getJsonName());
        for (Object value : values) {
            if (value instanceof Message nested) {
                array.add(write(nested));
            } else if (value instanceof Double number) {
                array.add(number);
            } else if (value instanceof Integer number) {
                array.add(number);
            } else {
                array.add(value.toString());
            }
        }
    }

    private static void put(ObjectNode node, FieldDescriptor field, Object value) {
        String key = field.getJsonName();
        switch (field.getJavaType()) {
            case INT -> node.put(key, (Integer) value);
            case LONG -> node.put(key, (Long) value);
            case DOUBLE -> node.put(key, (Double) value);
            case FLOAT -> node.put(key, (Float) value);
            case BOOLEAN -> node.put(key, (Boolean) value);
            case STRING -> node.put(key, (String) value);
            case ENUM -> node.put(key, PlanNames.yamlName((EnumValueDescriptor) value));
            case BYTE_STRING, MESSAGE ->
                    throw new IllegalStateException("no YAML form for " + field.getFullName());
        }
    }
}
