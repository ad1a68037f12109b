package io.abmesh.nn.teacher;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.nio.file.Path;

/** Makes sessions of ONNX Runtime with our settings, and its exceptions ours. */
final class OnnxRuntimeSessions {
    private final OrtEnvironment environment = OnnxRuntimeStart.environment();
    private final TeacherOptions options;
    private final Path folder;

    /**
     * @param folder where a model's external weights lie
     */
    OnnxRuntimeSessions(TeacherOptions options, Path folder) {
        this.options = options;
        this.folder = folder;
    }

    OrtEnvironment environment() {
        return environment;
    }

    /**
     * @param model bytes of a model, borrowed; native memory of the session is the caller's to
     *     close
     */
    OrtSession create(byte[] model) {
        try (OrtSession.SessionOptions settings = new OrtSession.SessionOptions()) {
            settings.setIntraOpNumThreads(options.intraOpThreads());
            settings.setInterOpNumThreads(1);
            settings.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            // Waiting threads sleep: on a small machine the student computes on the same cores.
            settings.addConfigEntry("session.intra_op.allow_spinning", "0");
            settings.addConfigEntry(
                    "session.model_external_initializers_file_folder_path", folder.toString());
            if (options.device() == TeacherOptions.Device.CUDA) {
                useCuda(settings);
            }
            return environment.createSession(model, settings);
        } catch (OrtException e) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNSUPPORTED,
                    "ONNX Runtime does not take the model: " + oneLine(e),
                    e);
        }
    }

    private static void useCuda(OrtSession.SessionOptions settings) {
        try {
            settings.addCUDA(0);
        } catch (OrtException e) {
            throw new TeacherException(
                    TeacherException.Reason.TEACHER_FAILED,
                    "ONNX Runtime has no CUDA here: " + oneLine(e),
                    e);
        }
    }

    static String oneLine(OrtException e) {
        return String.valueOf(e.getMessage()).replaceAll("\\s+", " ").strip();
    }
}
