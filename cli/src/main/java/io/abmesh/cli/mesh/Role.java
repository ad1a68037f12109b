package io.abmesh.cli.mesh;

/** What a process of the mesh is. */
public enum Role {
    /** Decides who works on what. */
    COORDINATOR("coordinator", "coordinator", false),
    /** Turns images into boundaries. */
    TEACHER("teacher", "teacher-worker", true),
    /** Trains. */
    STUDENT("student", "student-worker", true);

    private final String word;
    private final String module;
    private final boolean numbered;

    Role(String word, String module, boolean numbered) {
        this.word = word;
        this.module = module;
        this.numbered = numbered;
    }

    /** Returns the word for it in files and property names. */
    public String word() {
        return word;
    }

    /** Returns the folder of the checkout that builds it. */
    public String module() {
        return module;
    }

    /**
     * Returns the name of the process number {@code index} of this role, for example {@code
     * teacher-0}.
     */
    public String processName(int index) {
        return numbered ? word + "-" + index : word;
    }
}
