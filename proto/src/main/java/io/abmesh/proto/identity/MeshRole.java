package io.abmesh.proto.identity;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** Part that a process plays in the mesh. */
public enum MeshRole {
    /** Has plans and runs, and says who works on what. */
    COORDINATOR(false),
    /** Computes pre-activations for one run. */
    TEACHER(true),
    /** Learns in one run. */
    STUDENT(true),
    /** A person's command. */
    CLIENT(false);

    private final boolean ofRun;

    MeshRole(boolean ofRun) {
        this.ofRun = ofRun;
    }

    /** Returns whether a process of this role works for one run. */
    public boolean ofRun() {
        return ofRun;
    }

    /** Returns the role in the words of an identity. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Returns the role of that word. */
    static Optional<MeshRole> byWord(String word) {
        return Stream.of(values()).filter(role -> role.word().equals(word)).findFirst();
    }
}
