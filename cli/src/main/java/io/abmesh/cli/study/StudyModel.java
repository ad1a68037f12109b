package io.abmesh.cli.study;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.proto.v1.StudyRun;
import java.nio.file.Path;
import java.util.Optional;

/** The teacher's model that a run of a study needs. */
final class StudyModel {
    private StudyModel() {}

    /**
     * Returns the model as {@link Installation#model} takes it; empty if the run needs none, or if
     * its plan is YAML that is not JSON, as the coordinator writes it: then the run finds out.
     */
    static Optional<String> of(StudyRun run, Path baseDirectory) {
        if (!run.getTeacher()) {
            return Optional.empty();
        }
        Struct.Builder plan = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(run.getPlanYaml(), plan);
        } catch (InvalidProtocolBufferException e) {
            return Optional.empty();
        }
        String model =
                plan.getFieldsOrDefault("teacher", Value.getDefaultInstance())
                        .getStructValue()
                        .getFieldsOrDefault("model", Value.getDefaultInstance())
                        .getStringValue();
        if (model.isEmpty()
                || model.startsWith(Installation.BUILTIN)
                || model.startsWith(Installation.OBJECT)) {
            return Optional.of(model).filter(named -> !named.isEmpty());
        }
        return Optional.of(baseDirectory.resolve(model).normalize().toString());
    }
}
