package io.abmesh.nn.teacher;

import java.nio.file.Path;

/** Opens a model with the engine that its file needs. */
public final class TeacherEngines {
    private TeacherEngines() {}

    /**
     * Opens a model. A ZIP file is a DL4J archive and an HDF5 file a Keras model, whatever their
     * names; everything else is taken for ONNX.
     *
     * @throws TeacherException if there is no such file, or it is damaged, of no known format, not
     *     trusted, or no model that can be a teacher
     */
    public static TeacherEngine open(Path model, TeacherOptions options) {
        ModelFile file = ModelFile.read(model);
        return OnnxTeacherEngine.open(file, options);
    }
}
