package io.abmesh.student.run;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/** Turns a trained student into files that others can use. */
@FunctionalInterface
interface StudentExport {
    /** Name of the ONNX file. */
    String ONNX = "student.onnx";

    /** Name of the DL4J archive. */
    String DL4J = "student.dl4j.zip";

    /**
     * A file of the result.
     *
     * @param path where it is
     * @param sha256 of its bytes, lower-case hex
     * @param sizeBytes its length
     * @param difference largest difference of its logits from the trained network's
     */
    record ExportedFile(Path path, String sha256, long sizeBytes, double difference) {}

    /**
     * Writes the files, each whole or not at all, and checks each against the trained network.
     *
     * @param run student of the run in hand
     * @param images raw pixels {@code uint8 [count, C, H, W]} to compare on; borrowed
     * @return the ONNX file, then the DL4J archive
     * @throws RuntimeException as {@link StudentFailures} reads it; EXPORT_MISMATCH among them
     */
    List<ExportedFile> write(StudentRun run, ByteBuffer images, int count);
}
