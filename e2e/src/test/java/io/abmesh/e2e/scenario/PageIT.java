package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.browser.Browser;
import io.abmesh.e2e.harness.Services;
import io.abmesh.e2e.harness.TinyPlan;
import io.abmesh.s3.S3Server;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** What a person does with the page, in a real browser. */
final class PageIT {
    @TempDir Path folder;

    @Test
    void showsARunGoOnSurvivesTheServerAndComparesTwo() throws Exception {
        Path plan = TinyPlan.write(folder);
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            browser.resize(1280, 900);
            browser.open(services.page());
            browser.awaitText("#connection", "Live");
            browser.awaitText("main", "No runs yet");

            services.startWorkers(folder.resolve("teacher.onnx"));
            String first = services.submit(plan, "seed=3");
            browser.await("tr[data-run='" + first + "'] a").sendKeys(Keys.ENTER);
            browser.awaitText("h1", "tiny");
            browser.awaitText(".state-line", "Succeeded");
            assertWholeCurve(browser, TinyPlan.STEPS);
            browser.awaitText(".tiles", "Accuracy, distilled");

            // Long enough that the server is lost in the middle of it.
            String second =
                    services.submit(
                            plan,
                            "seed=4",
                            "compare.crossEntropy=false",
                            "phases[0].epochs=25",
                            "phases[1].epochs=5");
            browser.open(services.page() + "#/run/" + second);
            browser.awaitText(".done-line", "distilled / boundary");
            browser.awaitText(".mesh", "teacher-0");
            services.killCoordinator();
            browser.awaitText("#connection", "Connection lost");
            services.startCoordinator();
            browser.awaitText("#connection", "Live");
            browser.awaitText(".state-line", "Succeeded");
            assertWholeCurve(browser, 4 * 30);

            browser.await(".bar nav a").sendKeys(Keys.ENTER);
            for (String run : List.of(first, second)) {
                browser.await("tr[data-run='" + run + "'] input").sendKeys(Keys.SPACE);
            }
            WebElement compare = browser.await("button.primary");
            assertThat(compare.getText()).isEqualTo("Compare 2 runs");
            compare.sendKeys(Keys.ENTER);
            browser.awaitText("h1", "2 runs compared");
            browser.awaitText(".legend li:nth-child(2)", second.substring(second.length() - 8));
            browser.awaitText("main", "phases[0].epochs");
            assertFitsAPhone(browser);
        }
    }

    @Test
    void aViewThatIsOpenedWhileTheServerIsAwayIsFilledOnceItIsBack() throws Exception {
        Path plan = TinyPlan.write(folder);
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            services.startWorkers(folder.resolve("teacher.onnx"));
            String run = services.submit(plan, "seed=3");
            browser.open(services.page());
            browser.awaitText("tr[data-run='" + run + "']", "Succeeded");

            services.killCoordinator();
            browser.awaitText("#connection", "Connection lost");
            browser.await("tr[data-run='" + run + "'] a").sendKeys(Keys.ENTER);
            browser.awaitText("h1", "tiny");
            services.startCoordinator();
            browser.awaitText(".tiles", "Boundary agreement");
            browser.awaitText("pre", "wrn-10-1");
            browser.awaitText(".files", "report.html");
            assertWholeCurve(browser, TinyPlan.STEPS);

            services.killCoordinator();
            browser.awaitText("#connection", "Connection lost");
            goTo(browser, "#/compare/" + run);
            browser.awaitText("h1", "1 runs compared");
            services.startCoordinator();
            browser.awaitText(".legend", "tiny");
            browser.awaitText("main", "Nothing to compare.");
        }
    }

    @Test
    void theKeyboardKeepsItsPlaceInTheListWhileRunsGoOnAndCome() throws Exception {
        Path plan = TinyPlan.write(folder);
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            String run = services.submit(plan, "seed=3");
            browser.open(services.page());
            WebElement link = browser.await("tr[data-run='" + run + "'] a");
            browser.awaitText("tr[data-run='" + run + "']", "Pending");
            assertThat(
                            browser.ask(
                                    "document.querySelector('tbody a').focus();"
                                            + " return document.activeElement.textContent;"))
                    .isEqualTo("tiny");

            String newer = services.submit(plan, "seed=4");
            browser.await("tr[data-run='" + newer + "'] + tr[data-run='" + run + "']");
            services.startWorkers(folder.resolve("teacher.onnx"));
            browser.awaitText("tr[data-run='" + run + "']", "Succeeded");
            assertThat(browser.ask("return document.activeElement.href;"))
                    .asString()
                    .endsWith("#/run/" + run);
            link.sendKeys(Keys.ENTER);
            browser.awaitText(".state-line", "Succeeded");
        }
    }

    @Test
    void aRunThatIsNotThereIsSaidAndCutsNothingOff() throws Exception {
        Path plan = TinyPlan.write(folder);
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            String run = services.submit(plan, "seed=3");
            browser.open(services.page() + "#/run/none");
            browser.awaitText(".problem", "no such run: found=none");
            browser.awaitText("#connection", "Live");
            goTo(browser, "#/compare/none," + run);
            browser.awaitText(".problem", "no such run: found=none");
            browser.awaitText("tbody", "Pending");
            services.killCoordinator();
            browser.awaitText("#connection", "Connection lost");
            services.startCoordinator();
            browser.awaitText("#connection", "Live");
        }
    }

    @Test
    void moreTabsThanABrowserHasConnectionsAreAllLive() throws Exception {
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            browser.open(services.page());
            browser.awaitText("#connection", "Live");
            for (int tab = 0; tab < 7; tab++) {
                browser.openTab(services.page());
                browser.awaitText("#connection", "Live");
            }
            String run = services.submit(TinyPlan.write(folder), "seed=3");
            browser.showFirstTab();
            browser.await("tr[data-run='" + run + "']");
        }
    }

    @Test
    void aZoomStaysWhileACurveGrows() throws Exception {
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            browser.open(services.page());
            Object ranges =
                    browser.ask(
                            """
                            const {Chart} = await import('/page/chart.js');
                            const chart = new Chart('Loss', {x: String, y: String, log: true});
                            document.getElementById('main').append(chart.element);
                            const line = (label, length) => {
                              const x = Array.from({length}, (_, i) => i);
                              return {label, colour: 0, x, y: x.map(i => i + 1)};
                            };
                            const range = () => {
                              const {min, max} = chart.plot.scales.x;
                              return `${min} to ${max}`;
                            };
                            const drawn = () => new Promise(requestAnimationFrame);
                            const ranges = [];
                            const show = async (...lines) => {
                              chart.show(lines);
                              await drawn();
                              ranges.push(range());
                            };
                            await show(line('a', 10));
                            await show(line('a', 11));
                            chart.plot.setScale('x', {min: 2, max: 5});
                            await drawn();
                            await show(line('a', 12));
                            await show(line('a', 13), line('b', 4));
                            chart.plot.setScale('x', {min: 0, max: 12});
                            await drawn();
                            await show(line('a', 14), line('b', 4));
                            return ranges;
                            """);
            assertThat((Collection<?>) ranges)
                    .map(Object::toString)
                    .containsExactly("0 to 9", "0 to 10", "2 to 5", "2 to 5", "0 to 13");
        }
    }

    @Test
    void theKeyboardKeepsItsPlaceInALegendAndInATableWhileACurveGrows() throws Exception {
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            browser.open(services.page());
            Object focused =
                    browser.ask(
                            """
                            const {Chart} = await import('/page/chart.js');
                            const chart = new Chart('Loss', {x: String, y: String});
                            document.getElementById('main').append(chart.element);
                            const line = (label, length) => {
                              const x = Array.from({length}, (_, i) => i);
                              return {label, colour: 0, x, y: x.map(i => i + 1)};
                            };
                            const drawn = () => new Promise(requestAnimationFrame);
                            const focused = [];
                            chart.show([line('a', 3), line('b', 3)]);
                            await drawn();
                            chart.legend.querySelectorAll('button')[1].focus();
                            chart.show([line('a', 4), line('b', 4), line('c', 2)]);
                            await drawn();
                            focused.push(document.activeElement.querySelector('.label').textContent);
                            focused.push(chart.legend.children.length);
                            chart.details.open = true;
                            chart.tabulate();
                            const table = chart.rows.querySelector('.scroll');
                            table.focus();
                            chart.show([line('a', 5), line('b', 5), line('c', 3)]);
                            await drawn();
                            focused.push(document.activeElement === table);
                            return focused;
                            """);
            assertThat((Collection<?>) focused)
                    .map(Object::toString)
                    .containsExactly("b", "3", "true");
        }
    }

    @Test
    void anAnswerThatIsLateTakesNothingBackAndIsAskedForOnce() throws Exception {
        Path plan = TinyPlan.write(folder);
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            String run = services.submit(plan, "seed=3");
            var unused = services.submit(plan, "name=other");
            browser.open(services.page());
            browser.awaitText(".title", "2 in all");
            Object told =
                    browser.ask(
                            """
                            const {live} = await import('/page/live.js');
                            live.source.close();
                            const run = live.runs.get('%s');
                            const ask = window.fetch;
                            window.asked = 0;
                            const asked = new Promise(answered => {
                              window.fetch = async (...question) => {
                                window.asked++;
                                const answer = await ask(...question);
                                answered();
                                await new Promise(late => window.late = late);
                                return answer;
                              };
                            });
                            const find = document.getElementById('find');
                            find.value = 'tiny';
                            find.dispatchEvent(new Event('input'));
                            await asked;
                            window.fetch = (...question) => (window.asked++, ask(...question));
                            live.heard({runs: [{...run, steps: 7}]});
                            window.late();
                            return run.steps;
                            """
                                    .formatted(run));
            assertThat(told).hasToString("0");
            browser.awaitText(".title", "1 of 2");
            assertThat(browser.await("tr[data-run='" + run + "'] .steps").getText())
                    .startsWith("7 ");
            String third = services.submit(plan, "name=third");
            told =
                    browser.ask(
                            """
                            const {live} = await import('/page/live.js');
                            live.heard({runs: [{...live.runs.get('%s'), id: '%s'}]});
                            return 'third';
                            """
                                    .formatted(run, third));
            assertThat(told).isEqualTo("third");
            browser.awaitText(".title", "1 of 3");
            assertThat(browser.ask("return window.asked;")).hasToString("2");
        }
    }

    @Test
    void eventsAreReadOnceTheCurvesAreThere() throws Exception {
        try (Browser browser = Browser.start();
                Services services = new Services(folder)) {
            services.startCoordinator();
            String run = services.submit(TinyPlan.write(folder), "seed=3");
            browser.open(services.page());
            Object order =
                    browser.ask(
                            """
                            const {Trace} = await import('/page/trace.js');
                            const ask = window.fetch;
                            const order = [];
                            window.fetch = async (path, options) => {
                              const name = path.split('/').at(-1);
                              order.push(`${name} asked`);
                              const answer = await ask(path, options);
                              order.push(`${name} answered`);
                              return answer;
                            };
                            await new Trace('%s').load();
                            return order;
                            """
                                    .formatted(run));
            assertThat((Collection<?>) order)
                    .map(Object::toString)
                    .containsExactly(
                            "curves asked", "curves answered", "events asked", "events answered");
        }
    }

    @Test
    void tellsWhereTheResultIsDeliveredAndWhatKeepsIt() throws Exception {
        Path plan = TinyPlan.write(folder);
        try (S3Server server = S3Server.start(Files.createDirectory(folder.resolve("s3")));
                Browser browser = Browser.start()) {
            Map<String, String> environment = new HashMap<>(server.environment());
            environment.put("ABMESH_COORDINATOR_RESULTS_LOCATION", "s3://results/mesh");
            try (Services services = new Services(folder, environment)) {
                services.startCoordinator();
                services.startWorkers(folder.resolve("teacher.onnx"));
                String run = services.submit(plan, "compare.crossEntropy=false");
                browser.open(services.page() + "#/run/" + run);
                String address = "s3://results/mesh/" + run;
                browser.awaitText(
                        ".delivery[data-state='failing']",
                        "Not yet at %s, tried again. OBJECTS_REFUSED: no such bucket: found=results"
                                .formatted(address));
                server.createBucket("results");
                browser.awaitText(".delivery[data-state='delivered']", "Copied to " + address);
                assertFitsAPhone(browser);
            }
        }
    }

    /** Goes on to another view of the page, without reading the page again. */
    private static void goTo(Browser browser, String view) {
        assertThat(browser.ask("return location.hash = '" + view + "';")).isEqualTo(view);
    }

    /** Every step is in the loss once, whatever the stream went through. */
    private static void assertWholeCurve(Browser browser, long steps) {
        Object shown =
                browser.ask(
                        """
                        const {live} = await import('/page/live.js');
                        const [trace] = live.traces.values();
                        await trace.loading;
                        return trace.of('loss').flatMap(one => one.step).sort((a, b) => a - b);
                        """);
        assertThat((Collection<?>) shown)
                .map(Object::toString)
                .containsExactlyElementsOf(
                        LongStream.range(0, steps).mapToObj(Long::toString).toList());
    }

    private static void assertFitsAPhone(Browser browser) {
        browser.resize(390, 844);
        // Charts learn of their new width with a frame that comes after the window's.
        Object width =
                browser.ask(
                        """
                        const page = document.documentElement;
                        for (let frame = 0; frame < 300 && page.scrollWidth > 390; frame++) {
                          await new Promise(requestAnimationFrame);
                        }
                        return page.scrollWidth;
                        """);
        assertThat(width).hasToString("390");
    }
}
