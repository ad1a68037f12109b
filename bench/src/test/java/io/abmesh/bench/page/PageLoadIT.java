package io.abmesh.bench.page;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.browser.Browser;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** What the page sends and draws of 1,000 runs and of one of 100,000 steps has a bound. */
@TestInstance(Lifecycle.PER_CLASS)
final class PageLoadIT {
    /** Elements that a browser lays out without being noticed. */
    private static final long MOST_ELEMENTS = 4000;

    private static final long MOST_LIST_BYTES = 64 << 10;
    private static final long MOST_GREETING_BYTES = 16 << 10;
    private static final long MOST_CURVES_BYTES = 1 << 20;

    /** What a curve has at most, and half of what it has at least. */
    private static final int MOST_POINTS = 1024;

    private Browser browser;
    private StoredCoordinator coordinator;
    private String run;

    @BeforeAll
    void writeTheStoreAndServeIt(@TempDir Path folder) throws Exception {
        browser = Browser.start();
        browser.resize(1280, 900);
        run = LargeStore.write(folder.resolve("store"));
        coordinator = StoredCoordinator.start(Path.of(System.getProperty("abmesh.root")), folder);
    }

    @BeforeEach
    void openTheList() {
        browser.open("about:blank");
        browser.open(coordinator.page());
        browser.awaitText(".title", "1 to 100 of 1,001 in all");
    }

    @AfterAll
    void stop() {
        if (coordinator != null) {
            coordinator.close();
        }
        if (browser != null) {
            browser.close();
        }
    }

    @Test
    void theListShowsAHundredRunsAndNoMore() {
        assertThat(browser.all("tbody tr")).hasSize(100);
        assertThat(browser.await("tbody tr").getAttribute("data-run")).isEqualTo(run);
        assertFewElements();
        assertThat(sentBytes("api/runs")).isBetween(1L, MOST_LIST_BYTES);
    }

    @Test
    void allRunsAreReachedAHundredAtATime() {
        for (int from = 101; from <= LargeStore.SHORT_RUNS; from += 100) {
            button("Older").sendKeys(Keys.ENTER);
            browser.awaitText(
                    ".title",
                    "%,d to %,d of 1,001 in all"
                            .formatted(from, Math.min(from + 99, LargeStore.SHORT_RUNS + 1)));
            assertFewElements();
        }
        button("Older").sendKeys(Keys.ENTER);
        browser.awaitText(".title", "1,001 to 1,001 of 1,001 in all");
        browser.awaitText("tbody tr", "sweep-0");
        assertThat(button("Older").isEnabled()).isFalse();
        button("Newer").sendKeys(Keys.ENTER);
        browser.awaitText(".title", "901 to 1,000 of 1,001 in all");
    }

    @Test
    void runsOfAllPagesAreFoundByNameAndState() {
        browser.await("#find").sendKeys("sweep-77");
        browser.awaitText(".title", "11 of 1,001");
        assertThat(browser.all("tbody tr")).hasSize(11);
        browser.await("#state").sendKeys("Failed");
        browser.awaitText(".title", "1 of 1,001");
        browser.awaitText("tbody tr", "sweep-770");
    }

    @Test
    void theFirstMessageOfTheStreamDoesNotTellOfRunsThatHaveEnded() throws Exception {
        HttpResponse<Stream<String>> response = get("api/stream", BodyHandlers.ofLines());
        try (Stream<String> lines = response.body()) {
            String greeting =
                    lines.filter(line -> line.startsWith("data:")).findFirst().orElseThrow();
            assertThat(greeting).contains("\"complete\":true").contains("\"runs\":[]");
            assertThat(greeting.length()).isLessThan((int) MOST_GREETING_BYTES);
        }
    }

    @Test
    void curvesAreSentCompressedAndTheStreamAsItIs() throws Exception {
        HttpResponse<byte[]> curves =
                get("api/runs/" + run + "/curves", BodyHandlers.ofByteArray());
        HttpResponse<Stream<String>> stream = get("api/stream", BodyHandlers.ofLines());

        assertThat(curves.headers().allValues("Content-Encoding")).containsExactly("gzip");
        try (GZIPInputStream json = new GZIPInputStream(new ByteArrayInputStream(curves.body()))) {
            assertThat(curves.body().length).isLessThan(json.readAllBytes().length / 2);
        }
        try (Stream<String> lines = stream.body()) {
            assertThat(lines.iterator().next()).startsWith("retry: ");
        }
    }

    @Test
    void aCurveOfAHundredThousandStepsIsAThousandPointsThatKeepASpike() {
        browser.await("tr[data-run='" + run + "'] a").sendKeys(Keys.ENTER);
        browser.awaitText("h1", "long");
        browser.await(".plot canvas");
        assertThat(points("loss", "step")).isBetween(MOST_POINTS / 2L, (long) MOST_POINTS);
        assertThat(number("trace.of('loss')[0].step.at(-1)")).isEqualTo(LargeStore.LONG_STEPS - 1);
        assertThat(number("Math.max(...trace.of('loss')[0].high)"))
                .isEqualTo((long) LargeStore.SPIKE);
        assertThat(number("Math.max(...trace.series.map(one => one.step.length))"))
                .isLessThanOrEqualTo(MOST_POINTS);
        assertThat(sentBytes("curves")).isBetween(1L, MOST_CURVES_BYTES);
        assertFewElements();
    }

    private <T> HttpResponse<T> get(String path, BodyHandler<T> body) throws Exception {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .build()
                .send(
                        HttpRequest.newBuilder(URI.create(coordinator.page() + path))
                                .header("Accept-Encoding", "gzip")
                                .timeout(Duration.ofSeconds(60))
                                .build(),
                        body);
    }

    private WebElement button(String text) {
        return browser.all("nav button").stream()
                .filter(button -> button.getText().equals(text))
                .findFirst()
                .orElseThrow();
    }

    private void assertFewElements() {
        assertThat((Long) browser.ask("return document.querySelectorAll('*').length"))
                .isLessThan(MOST_ELEMENTS);
    }

    /** Bytes of the largest answer whose address ends so, before its parameters. */
    private long sentBytes(String end) {
        return (Long)
                browser.ask(
                        """
                        return Math.max(0, ...performance.getEntriesByType('resource')
                            .filter(one => new URL(one.name).pathname.endsWith('%s'))
                            .map(one => one.decodedBodySize));
                        """
                                .formatted(end));
    }

    private long points(String measure, String column) {
        return number("trace.of('%s')[0].%s.length".formatted(measure, column));
    }

    private long number(String expression) {
        return (Long)
                browser.ask(
                        """
                        const {live} = await import('/page/live.js');
                        const [trace] = live.traces.values();
                        await trace.loading;
                        return %s;
                        """
                                .formatted(expression));
    }
}
