package io.sluice.app;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Sends the JDK's logging to standard error, one line each. Standard output is for answers. */
final class Logging {

  private static final List<String> CHATTY =
      List.of("org.infinispan", "org.jgroups", "org.jboss.threads");

  /** Kept, since a logger that nobody holds is collected together with its level. */
  private static final List<Logger> KEPT = new ArrayList<>();

  private Logging() {}

  private static Logger chattyLogger(String name) {
    Logger logger = Logger.getLogger(name);
    KEPT.add(logger);
    return logger;
  }

  /** Sets up the root logger; once, before anything is logged. */
  static void configure(String level) {
    Level threshold =
        switch (level) {
          case "debug" -> Level.FINE;
          case "warning" -> Level.WARNING;
          case "error" -> Level.SEVERE;
          default -> Level.INFO;
        };
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    Handler console = new ConsoleHandler();
    console.setLevel(threshold);
    console.setFormatter(new Line());
    root.addHandler(console);
    // Who joins and leaves is said by package cluster; these say it in a hundred lines.
    for (String chatty : CHATTY) {
      chattyLogger(chatty).setLevel(Level.SEVERE);
    }
    root.setLevel(threshold);
  }

  /** {@code 2026-01-31T12:00:00.000Z INFO io.sluice.broker.Broker: text}. */
  private static final class Line extends Formatter {

    @Override
    public String format(LogRecord record) {
      StringBuilder out = new StringBuilder(120);
      out.append(record.getInstant().truncatedTo(ChronoUnit.MILLIS))
          .append(' ')
          .append(word(record.getLevel()))
          .append(' ')
          .append(record.getLoggerName())
          .append(": ")
          .append(formatMessage(record))
          .append(System.lineSeparator());
      if (record.getThrown() != null) {
        StringWriter trace = new StringWriter();
        record.getThrown().printStackTrace(new PrintWriter(trace));
        out.append(trace);
      }
      return out.toString();
    }

    private static String word(Level level) {
      if (level.intValue() >= Level.SEVERE.intValue()) {
        return "ERROR";
      }
      if (level.intValue() >= Level.WARNING.intValue()) {
        return "WARN ";
      }
      return level.intValue() >= Level.INFO.intValue() ? "INFO " : "DEBUG";
    }
  }
}
