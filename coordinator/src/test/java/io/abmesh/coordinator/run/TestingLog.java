package io.abmesh.coordinator.run;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jboss.logmanager.formatters.PatternFormatter;

/** The lines that a class logs until this is closed. Thread-safe. */
final class TestingLog implements AutoCloseable {
    private static final Formatter FORM = new PatternFormatter("%p run=%X{run} %s");

    private final Logger logger;
    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final Handler handler = new Lines();

    private final class Lines extends Handler {
        @Override
        public void publish(LogRecord line) {
            lines.add(FORM.format(line));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }

    TestingLog(Class<?> of) {
        logger = Logger.getLogger(of.getName());
        logger.addHandler(handler);
    }

    /** Each is {@code LEVEL run=RUN MESSAGE}. */
    List<String> lines() {
        return List.copyOf(lines);
    }

    @Override
    public void close() {
        logger.removeHandler(handler);
    }
}
