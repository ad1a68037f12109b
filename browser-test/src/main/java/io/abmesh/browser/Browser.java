package io.abmesh.browser;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.openqa.selenium.By;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.WindowType;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.support.ui.ExpectedCondition;
import org.openqa.selenium.support.ui.WebDriverWait;

/** Debian's Chromium without a screen, for as long as a test takes. */
public final class Browser implements AutoCloseable {
    private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
    private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private final ChromeDriver driver;
    private final String firstTab;

    private Browser(ChromeDriver driver) {
        this.driver = driver;
        this.firstTab = driver.getWindowHandle();
    }

    /** Starts it; skips the test where there is none, unless {@code abmesh.require-browser}. */
    public static Browser start() {
        boolean there = Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER);
        assumeTrue(
                there || Boolean.getBoolean("abmesh.require-browser"),
                "no browser: install chromium and chromium-driver");
        ChromeOptions options = new ChromeOptions();
        options.setBinary(CHROMIUM.toString());
        options.addArguments(
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage");
        return new Browser(
                new ChromeDriver(
                        new ChromeDriverService.Builder()
                                .usingDriverExecutable(DRIVER.toFile())
                                .build(),
                        options));
    }

    /** Sets the size of the page, in pixels of a device. */
    public void resize(int width, int height) {
        var unused =
                driver.executeCdpCommand(
                        "Emulation.setDeviceMetricsOverride",
                        Map.of(
                                "width",
                                width,
                                "height",
                                height,
                                "deviceScaleFactor",
                                1,
                                "mobile",
                                width < 500));
    }

    /** Goes to an address. */
    public void open(String address) {
        driver.get(address);
    }

    /** Goes to an address in a tab of its own, which hides the others. */
    public void openTab(String address) {
        var unused = driver.switchTo().newWindow(WindowType.TAB);
        open(address);
    }

    /** Shows the tab that was opened first. */
    public void showFirstTab() {
        var unused = driver.switchTo().window(firstTab);
    }

    /** Returns the element once it is shown. */
    public WebElement await(String css) {
        return until(
                "shows " + css,
                page ->
                        page.findElements(By.cssSelector(css)).stream()
                                .filter(WebElement::isDisplayed)
                                .findFirst()
                                .orElse(null));
    }

    /** Returns once an element has a text in it. */
    public void awaitText(String css, String text) {
        var unused =
                until(
                        css + " says " + text,
                        page ->
                                page.findElements(By.cssSelector(css)).stream()
                                        .anyMatch(element -> element.getText().contains(text)));
    }

    /** Returns the elements that are there. */
    public List<WebElement> all(String css) {
        return driver.findElements(By.cssSelector(css));
    }

    /** Returns what a script returns, which is not nothing; it may wait for promises. */
    public Object ask(String script) {
        return requireNonNull(
                driver.executeAsyncScript(
                        "const done = arguments[0]; (async () => { "
                                + script
                                + " })().then(done, done);"),
                script);
    }

    private <T> T until(String what, ExpectedCondition<T> condition) {
        return requireNonNull(
                new WebDriverWait(driver, PATIENCE)
                        .ignoring(StaleElementReferenceException.class)
                        .withMessage(
                                () ->
                                        what
                                                + "; page: "
                                                + driver.findElement(By.tagName("body")).getText())
                        .until(condition),
                what);
    }

    @Override
    public void close() {
        driver.quit();
    }
}
