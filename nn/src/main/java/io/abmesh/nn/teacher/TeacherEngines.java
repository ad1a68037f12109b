package io.abmesh.nn.teacher;

import java.nio.file.Path;

/** Opens a model with the engine that its file needs. */
public final class TeacherEngines {
    private static final byte[] ZIP = {'P', 'K', 3, 4};
    private static final byte[] ZIP_WITHOUT_ENTRIES = {'P', 'K', 5, 6};
    private static final byte[] HDF5 = {(byte) 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

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
        if (file.startsWith(ZIP) || file.startsWith(ZIP_WITHOUT_ENTRIES)) {
            return Dl4jTeacherEngine.openArchive(file, options);
        }
        if (file.startsWith(HDF5)) {
            return Dl4jTeacherEngine.openKeras(file, options);
        }
        return OnnxTeacherEngine.open(file, options);
    }
}
