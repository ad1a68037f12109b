package io.abmesh.cli.comparison;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;

final class ComparisonTest {
    private static final Comparison COMPARISON =
            new Comparison(
                    "tiny",
                    "ce",
                    List.of("ce", "kd"),
                    List.of(
                            trial("ce", 1, 0.40),
                            trial("kd", 1, 0.50),
                            trial("ce", 2, 0.44),
                            trial("kd", 2, 0.52),
                            open("ce", 3).failed("a worker failed, \"twice\""),
                            trial("kd", 3, 0.60)));

    @Test
    void aMethodIsComparedWithTheBaselineSeedBySeed() {
        Comparison.Row row = COMPARISON.rows().get(1);

        assertThat(row.accuracy().orElseThrow().count()).isEqualTo(3);
        assertThat(row.accuracy().orElseThrow().mean()).isCloseTo(0.54, within(1e-12));
        // Seed 3 has no partner.
        assertThat(row.difference().orElseThrow().count()).isEqualTo(2);
        assertThat(row.difference().orElseThrow().mean()).isCloseTo(0.09, within(1e-12));
    }

    @Test
    void theBaselineHasNoDifferenceAndNamesWhatFailed() {
        Comparison.Row row = COMPARISON.rows().get(0);

        assertThat(row.difference()).isEmpty();
        assertThat(row.failed()).isEqualTo(1);
    }

    @Test
    void theTableSaysOnlyWhatIsKnown() {
        assertThat(ComparisonTable.lines(COMPARISON))
                .containsExactly(
                        "  images  method   n   accuracy      sd  difference  95 % interval     failed",
                        "-".repeat(77),
                        "     500  ce       2    42.00 %    2.83                                     1",
                        "     500  kd       3    54.00 %    5.29       +9.00  -3.71 to +21.71");
    }

    @Test
    void everyRunHasALineWithItsPlanAndCommit() {
        List<String> lines = ComparisonTable.runsCsv(COMPARISON).lines().toList();

        assertThat(lines).hasSize(7);
        assertThat(lines.get(1))
                .isEqualTo("tiny,ce,0.01,500,1,done,40.0000,12.000,abcd,params,c0ffee,runs/ce-1,");
        assertThat(lines.get(5))
                .isEqualTo(
                        "tiny,ce,0.01,500,3,failed,,,abcd,,,runs/ce-3,\"a worker failed, \"\"twice\"\"\"");
    }

    @Test
    void everyPointOfACurveHasALine() {
        assertThat(ComparisonTable.curvesCsv(COMPARISON).lines())
                .hasSize(1 + 5 * 3)
                .contains("tiny,ce,0.01,1,abcd,accuracy,5.0000,0.200000");
    }

    @Test
    void aMeanCurveHasTheEpochsThatAllHave() {
        Curve first = new Curve(List.of(point(1, 0.1), point(2, 0.3), point(3, 0.4)));
        Curve second = new Curve(List.of(point(1, 0.3), point(3, 0.6)));

        assertThat(Curve.mean(List.of(first, second)).points())
                .containsExactly(point(1, 0.2), point(3, 0.5));
    }

    @Test
    void thePageIsWellFormedAndLoadsNothing() throws Exception {
        String page = ComparisonPage.html(COMPARISON, "name: tiny # <&>\n");

        assertThat(page).doesNotContain("src=", "http", "<script", "@import", "url(");
        var document =
                DocumentBuilderFactory.newInstance()
                        .newDocumentBuilder()
                        .parse(
                                new ByteArrayInputStream(
                                        page.replace("<!DOCTYPE html>", "")
                                                .getBytes(StandardCharsets.UTF_8)));
        assertThat(document.getElementsByTagName("svg").getLength()).isEqualTo(2);
        assertThat(document.getElementsByTagName("svg").item(0).getTextContent())
                .contains("kd ends at 54.0 % after 10.0 epochs");
        assertThat(document.getElementsByTagName("pre").item(0).getTextContent())
                .isEqualTo("name: tiny # <&>\n");
    }

    @Test
    void everyMethodOfALargeStudyHasACurveOfItsOwnKind() {
        List<String> methods = IntStream.range(0, 32).mapToObj(i -> "m" + i).toList();
        Comparison large =
                new Comparison(
                        "large",
                        "m0",
                        methods,
                        methods.stream().map(method -> trial(method, 1, 0.5)).toList());

        Matcher curve =
                Pattern.compile("<polyline class=\"(\\w+)\" stroke-dasharray=\"([^\"]*)\"")
                        .matcher(ComparisonPage.html(large, ""));

        // Each of two pictures has a curve and a place in the legend for each.
        assertThat(curve.results().map(found -> found.group(1) + found.group(2)).distinct())
                .hasSize(32);
    }

    private static Trial trial(String method, long seed, double accuracy) {
        return open(method, seed)
                .done(
                        new Measured(
                                accuracy,
                                new Curve(List.of(point(5, accuracy / 2), point(10, accuracy))),
                                new Curve(List.of(point(1, 0.7))),
                                "abcd",
                                "c0ffee",
                                "params",
                                12));
    }

    private static Trial open(String method, long seed) {
        return new Trial(
                method,
                0.01,
                500,
                seed,
                "runs/" + method + "-" + seed,
                "abcd",
                Optional.empty(),
                Optional.empty());
    }

    private static Curve.Point point(double epoch, double value) {
        return new Curve.Point(epoch, value);
    }
}
