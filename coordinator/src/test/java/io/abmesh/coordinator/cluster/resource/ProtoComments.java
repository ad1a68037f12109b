package io.abmesh.coordinator.cluster.resource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Comments of the fields of proto files, which their descriptors do not carry at run time. */
final class ProtoComments {
    private static final Pattern MESSAGE = Pattern.compile("message (\\w+) \\{.*");
    private static final Pattern FIELD =
            Pattern.compile("(?:repeated |optional )?[\\w.]+ (\\w+) = \\d+;");

    private ProtoComments() {}

    /** Returns the comments by {@code Message.field_name}. */
    static Map<String, String> read(Path folder, String... files) throws IOException {
        Map<String, String> comments = new HashMap<>();
        for (String file : files) {
            read(folder.resolve(file), comments);
        }
        return comments;
    }

    private static void read(Path file, Map<String, String> comments) throws IOException {
        StringBuilder comment = new StringBuilder();
        String message = "";
        for (String line : Files.readAllLines(file)) {
            String text = line.strip();
            Matcher opens = MESSAGE.matcher(text);
            Matcher field = FIELD.matcher(text);
            if (text.startsWith("//")) {
                comment.append(comment.isEmpty() ? "" : " ").append(text.substring(2).strip());
                continue;
            }
            if (opens.matches()) {
                message = opens.group(1);
            } else if (field.matches()) {
                comments.put(message + "." + field.group(1), comment.toString());
            }
            comment.setLength(0);
        }
    }
}
