package io.abmesh.student.run;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.Map;

/**
 * How one sample was classified.
 *
 * @param correct true if its largest logit, the first of equal ones, is at its label
 * @param crossEntropy {@code -log softmax(logits)[label]}
 */
record Classification(boolean correct, double crossEntropy) {
    /**
     * Judges the logits {@code [from, from + classes)}.
     *
     * @throws MeshException LOSS_NOT_FINITE if one is not finite; TENSOR_SIZE_MISMATCH if the label
     *     is no class
     */
    static Classification of(float[] logits, int from, int classes, int label) {
        if (label < 0 || label >= classes) {
            throw new MeshException(
                    ErrorReason.TENSOR_SIZE_MISMATCH,
                    "label is no class: found=" + label + ", expected=[0, " + classes + ")",
                    Map.of("label", Integer.toString(label)));
        }
        int largest = 0;
        for (int i = 0; i < classes; i++) {
            if (!Float.isFinite(logits[from + i])) {
                throw new MeshException(
                        ErrorReason.LOSS_NOT_FINITE,
                        "logit is not finite: class=" + i + ", found=" + logits[from + i],
                        Map.of("class", Integer.toString(i)));
            }
            if (logits[from + i] > logits[from + largest]) {
                largest = i;
            }
        }
        double sum = 0;
        for (int i = 0; i < classes; i++) {
            sum += Math.exp((double) logits[from + i] - logits[from + largest]);
        }
        double crossEntropy =
                Math.log(sum) + (double) logits[from + largest] - logits[from + label];
        return new Classification(largest == label, crossEntropy);
    }
}
