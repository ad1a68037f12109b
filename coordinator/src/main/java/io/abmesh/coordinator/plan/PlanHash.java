package io.abmesh.coordinator.plan;

import com.google.protobuf.CodedOutputStream;
import io.abmesh.proto.v1.Plan;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Names a plan by its content. */
public final class PlanHash {
    private PlanHash() {}

    /**
     * Returns the SHA-256 over the deterministic serialisation of a complete plan, its name left
     * out, lower-case hex.
     */
    public static String sha256(Plan plan) {
        Plan content = plan.toBuilder().clearName().build();
        byte[] bytes = new byte[content.getSerializedSize()];
        try {
            CodedOutputStream output = CodedOutputStream.newInstance(bytes);
            output.useDeterministicSerialization();
            content.writeTo(output);
            output.checkNoSpaceLeft();
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (IOException | NoSuchAlgorithmException e) {
            throw new IllegalStateException("cannot hash a plan", e);
        }
    }
}
