package io.abmesh.coordinator.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

final class ReportChartTest {
    private static final Pattern LEGEND =
            Pattern.compile(
                    "<path d=\"M(\\d+) (\\d+)h24\" stroke-width=\"4\" (stroke=\"\\S+\" stroke-dasharray=\".*?\")/>");
    private static final Pattern HEIGHT = Pattern.compile("viewBox=\"0 0 800 (\\d+)\"");

    @Test
    void moreCurvesThanARowHoldsAreNamedBelowEachOtherWithinTheChartAndDiffer() {
        Map<String, List<double[]>> curves = new LinkedHashMap<>();
        for (int i = 0; i < 9; i++) {
            curves.put("curve-" + i, List.of(new double[] {0, i}, new double[] {1, i}));
        }

        String html = ReportChart.html("Loss", "step", curves);

        Matcher height = HEIGHT.matcher(html);
        assertThat(height.find()).isTrue();
        List<String> places = new ArrayList<>();
        List<String> styles = new ArrayList<>();
        Matcher legend = LEGEND.matcher(html);
        while (legend.find()) {
            styles.add(legend.group(3));
            places.add(legend.group(1) + "," + legend.group(2));
            assertThat(Integer.parseInt(legend.group(2)) + 5)
                    .isLessThanOrEqualTo(Integer.parseInt(height.group(1)));
        }
        assertThat(places).hasSize(9).doesNotHaveDuplicates();
        assertThat(styles).hasSize(9).doesNotHaveDuplicates();
        assertThat(html).contains("<polyline fill=\"none\" stroke-width=\"2\" " + styles.get(8));
    }

    @Test
    void aCurveOfOnePointIsADot() {
        Map<String, List<double[]>> curves = new LinkedHashMap<>();
        curves.put("cross-entropy", List.of(new double[] {4, 0.5}));
        curves.put("distilled", List.of(new double[] {4, 0.75}));

        assertThat(ReportChart.html("Test accuracy", "epoch", curves))
                .contains(
                        "<circle r=\"4\" fill=\"#3572b0\" cx=\"60.0\" cy=\"260.0\"/>",
                        "<circle r=\"4\" fill=\"#c1582b\" cx=\"60.0\" cy=\"10.0\"/>")
                .doesNotContain("polyline");
    }

    @Test
    void pointsThatAreNotFiniteAreLeftOut() {
        Map<String, List<double[]>> curves = new LinkedHashMap<>();
        curves.put(
                "distilled/kd",
                List.of(new double[] {0, 2}, new double[] {1, Double.NaN}, new double[] {2, 1}));

        assertThat(ReportChart.html("Loss", "step", curves))
                .contains("points=\"60.0,10.0 790.0,260.0\"")
                .doesNotContain("NaN");
    }

    @Test
    void namesAreTextWhateverIsInThem() {
        Map<String, List<double[]>> curves =
                Map.of("a<b>&\"c", List.of(new double[] {0, 2}, new double[] {1, 1}));

        assertThat(ReportChart.html("<i>", "step", curves))
                .contains(">a&lt;b&gt;&amp;&quot;c</text>", "aria-label=\"&lt;i&gt;\"")
                .doesNotContain("<i>", "<b>");
    }

    @Test
    void epochsAndStepsAreWholeNumbers() {
        Map<String, List<double[]>> curves =
                Map.of("loss", List.of(new double[] {5, 0.25}, new double[] {69, 0.5}));

        assertThat(ReportChart.html("Loss", "step", curves))
                .contains(">5</text>", ">step 69</text>", ">0.250</text>", ">0.500</text>");
    }

    @Test
    void thereIsNoChartOfOnePoint() {
        assertThat(ReportChart.html("Loss", "step", Map.of("a", List.of(new double[] {0, 2}))))
                .isEmpty();
    }
}
