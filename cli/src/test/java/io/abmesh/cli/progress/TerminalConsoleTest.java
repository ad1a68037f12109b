package io.abmesh.cli.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

final class TerminalConsoleTest {

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, false, StandardCharsets.UTF_8);

    @Test
    void writesOverTheLiveLineAndKeepsTheOthers() {
        Console console = new TerminalConsole(out, 80);

        console.live("step 1");
        console.live("step 2");
        console.line("done");
        console.line("bye");

        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .isEqualTo("\r\u001b[2Kstep 1\r\u001b[2Kstep 2\r\u001b[2Kdone\nbye\n");
    }

    @Test
    void writesOverAllOfSeveralLiveLines() {
        Console console = new TerminalConsole(out, 80);

        console.live("a\nb\nc");
        console.live("d");
        console.line("done");

        String erase = "\r\u001b[2K";
        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .isEqualTo(
                        erase
                                + "a\nb\nc"
                                + (erase + "\u001b[1A").repeat(2)
                                + erase
                                + "d"
                                + erase
                                + "done\n");
    }

    @Test
    void liveLinesThatAreSettledStayAndEndOnce() {
        Console console = new TerminalConsole(out, 80);

        console.settle();
        console.live("a\nb");
        console.settle();
        console.settle();
        console.live("c");

        assertThat(bytes.toString(StandardCharsets.UTF_8))
                .isEqualTo("\r\u001b[2Ka\nb\n\r\u001b[2Kc");
    }

    @Test
    void cutsALiveLineThatWouldWrap() {
        new TerminalConsole(out, 5).live("123456789");

        assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo("\r\u001b[2K1234");
    }

    @Test
    void aPlainConsoleHasNoLiveLine() {
        Console console = new PlainConsole(out);

        console.live("step 1");
        console.line("done");

        assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualTo("done\n");
    }
}
