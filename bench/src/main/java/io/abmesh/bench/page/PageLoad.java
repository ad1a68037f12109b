package io.abmesh.bench.page;

import io.abmesh.browser.Browser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * How long the page takes over a {@link LargeStore}, in a browser: from a click to the frame that
 * shows the answer, against a second; and the longest frame while something moves, against a tenth.
 * Times are the browser's own.
 */
public final class PageLoad {
    private static final double ANSWER_MILLIS = 1000;
    private static final double FRAME_MILLIS = 100;

    /** Waits, frame by frame, until the page shows something. */
    private static final String AWAIT =
            """
            const frame = () => new Promise(requestAnimationFrame);
            const shown = async (test) => { while (!test()) { await frame(); } };
            const begun = performance.now();
            """;

    private PageLoad() {}

    /** Prints a line for each thing that is measured; {@code java PageLoad CHECKOUT}. */
    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createTempDirectory("abmesh-bench");
        try {
            String run = LargeStore.write(folder.resolve("store"));
            try (StoredCoordinator coordinator =
                            StoredCoordinator.start(Path.of(arguments[0]), folder);
                    Browser browser = Browser.start()) {
                browser.resize(1280, 900);
                measure(browser, coordinator.page(), run);
            }
        } finally {
            delete(folder);
        }
    }

    private static void measure(Browser browser, String page, String run) {
        browser.open(page);
        tell(
                "page-list",
                ANSWER_MILLIS,
                browser.ask(
                        AWAIT
                                + "await shown(() => document.querySelector('tbody tr'));"
                                + "return performance.now();"));
        tell(
                "page-filter",
                ANSWER_MILLIS,
                browser.ask(
                        AWAIT
                                + """
                                const find = document.getElementById('find');
                                find.value = 'sweep-77';
                                find.dispatchEvent(new Event('input'));
                                await shown(() => document.querySelectorAll('tbody tr').length === 11);
                                return performance.now() - begun;
                                """));
        tell("page-scroll-frame", FRAME_MILLIS, browser.ask(AWAIT + scrolled()));
        for (String kind : new String[] {"first", "again"}) {
            browser.open(page + "#/mesh");
            browser.awaitText("h1", "Mesh");
            tell(
                    "page-curve-" + kind,
                    ANSWER_MILLIS,
                    browser.ask(
                            AWAIT
                                    + "location.hash = '#/run/"
                                    + run
                                    + "'; await shown(() => document.querySelector('.plot canvas'));"
                                    + "await frame(); return performance.now() - begun;"));
        }
        tell("page-cursor-frame", FRAME_MILLIS, browser.ask(AWAIT + moved()));
    }

    /** The longest frame while the list of 100 runs is scrolled to its end. */
    private static String scrolled() {
        return """
        const find = document.getElementById('find');
        find.value = '';
        find.dispatchEvent(new Event('input'));
        await shown(() => document.querySelectorAll('tbody tr').length === 100);
        let longest = 0;
        const end = document.documentElement.scrollHeight;
        for (let i = 1; i <= 60; i++) {
          const before = await frame();
          scrollTo(0, end * i / 60);
          longest = Math.max(longest, await frame() - before);
        }
        return longest;
        """;
    }

    /** The longest frame while the cursor goes over a plot. */
    private static String moved() {
        return """
        const plot = document.querySelectorAll('.plot')[1];
        plot.focus();
        let longest = 0;
        for (let i = 0; i < 60; i++) {
          const before = await frame();
          plot.dispatchEvent(new KeyboardEvent('keydown', { key: 'PageUp', bubbles: true }));
          longest = Math.max(longest, await frame() - before);
        }
        return longest;
        """;
    }

    private static void tell(String name, double goalMillis, Object millis) {
        double ours = ((Number) millis).doubleValue();
        System.out.printf(
                Locale.ROOT,
                "%s ratio=%.3f ours=%.3f theirs=%.3f%n",
                name,
                ours / goalMillis,
                ours / 1e3,
                goalMillis / 1e3);
    }

    private static void delete(Path folder) throws Exception {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
