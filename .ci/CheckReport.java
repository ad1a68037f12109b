import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Checks the numbers of a report.json; `java CheckReport.java FILE`. No library: it runs before anything is built. */
final class CheckReport {

    private static final Pattern TOKEN =
            Pattern.compile("\\s*(?:([{}\\[\\]:,])|\"((?:[^\"\\\\]|\\\\.)*)\"|([^\\s{}\\[\\]:,\"]+))");

    private final Matcher tokens;
    private final List<String> leaves = new ArrayList<>();

    private CheckReport(String json) {
        tokens = TOKEN.matcher(json);
    }

    public static void main(String[] arguments) throws Exception {
        CheckReport report = new CheckReport(Files.readString(Path.of(arguments[0])));
        report.value("", report.next());
        report.number("baseline.accuracy", 0.05, 1);
        report.number("distilled.accuracy", 0.15, 1);
        report.number("cacheHitRatio", 0, 1);
        report.number("parameters", 1, 1e9);
        report.number("onnxBytes", 1, 1e9);
        report.number("exportDifference", 0, 1e-3);
        report.text("parametersSha256", "[0-9a-f]{64}");
        report.text("planSha256", "[0-9a-f]{64}");
        report.text("state", ".*SUCCEEDED");
        report.several("agreement.", 0.5, 1);
        report.several("imagesPerSecond.", 0.001, 1e9);
        report.several("seeds.", -1e18, 1e18);
        report.text("versions.[^=]*", ".+");
        System.out.println("report.json is as promised");
    }

    /** Reads one value that begins with {@code token}, and keeps its leaves as PATH=VALUE. */
    private void value(String path, String token) {
        if (token.equals("{")) {
            for (String key = next(); !key.equals("}"); key = next()) {
                if (!key.equals(",")) {
                    next(); // the colon
                    value(path.isEmpty() ? key : path + "." + key, next());
                }
            }
        } else if (token.equals("[")) {
            int index = 0;
            for (String item = next(); !item.equals("]"); item = next()) {
                if (!item.equals(",")) {
                    value(path + "." + index++, item);
                }
            }
        } else {
            leaves.add(path + "=" + token);
        }
    }

    private String next() {
        if (!tokens.lookingAt()) {
            throw new IllegalStateException("not JSON");
        }
        String found = tokens.group(1) != null ? tokens.group(1) : tokens.group(2);
        String token = found != null ? found : tokens.group(3);
        tokens.region(tokens.end(), tokens.regionEnd());
        return token;
    }

    private void number(String path, double min, double max) {
        several(Pattern.quote(path) + "=", min, max);
    }

    private void several(String prefix, double min, double max) {
        List<String> found =
                leaves.stream().filter(leaf -> leaf.matches(prefix + ".*")).toList();
        require(!found.isEmpty(), "report.json has no " + prefix);
        for (String leaf : found) {
            double value = Double.parseDouble(leaf.substring(leaf.lastIndexOf('=') + 1));
            require(value >= min && value <= max, leaf + " is not in [" + min + ", " + max + "]");
        }
    }

    private void text(String path, String pattern) {
        require(
                leaves.stream().anyMatch(leaf -> leaf.matches(path + "=" + pattern)),
                "report.json has no " + path + " like " + pattern);
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            System.err.println("ci: " + otherwise);
            System.exit(1);
        }
    }
}
