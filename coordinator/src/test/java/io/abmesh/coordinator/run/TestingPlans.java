package io.abmesh.coordinator.run;

/** Small plans over the data set inside the program. */
public final class TestingPlans {
    private TestingPlans() {}

    /** Eight steps in each of two tracks; boundary, then kd. */
    public static String distilled() {
        return """
        name: small
        data:
          location: builtin:fashion-mnist
          train: {images: 40}
          test: {images: 20}
        teacher:
          model: teacher.onnx
        student:
          network: wrn-10-1
        batch: 10
        microBatches: 2
        checkpointEverySteps: 3
        evaluateEveryEpochs: 0
        phases:
          - name: boundary
            epochs: 1
            losses: boundary
          - name: kd
            epochs: 1
            losses: [kd, crossEntropy]
        """;
    }

    /** Eight steps without a teacher. */
    public static String supervised() {
        return """
        name: small
        data:
          location: builtin:fashion-mnist
          train: {images: 40}
          test: {images: 20}
        student:
          network: wrn-10-1
        batch: 10
        checkpointEverySteps: 3
        evaluateEveryEpochs: 1
        phases:
          - name: first
            epochs: 1
            losses: crossEntropy
          - name: second
            epochs: 1
            losses: crossEntropy
        """;
    }
}
