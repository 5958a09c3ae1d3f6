package io.sluice.testkit;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/** Listens to what is logged below a name, from INFO on, until it is closed. Any thread. */
public final class LogLines extends Handler implements AutoCloseable {

  private final SimpleFormatter formatter = new SimpleFormatter();
  // Kept, since the JDK holds loggers by weak references only.
  private final Logger logger;
  private final Consumer<String> each;
  private final List<String> lines = new CopyOnWriteArrayList<>();

  /** Collects what a class logs. */
  public LogLines(Class<?> source) {
    logger = Logger.getLogger(source.getName());
    each = lines::add;
    listen();
  }

  /** Passes on what is logged below a name, and keeps it from the console. */
  public LogLines(String name, Consumer<String> each) {
    logger = Logger.getLogger(name);
    this.each = each;
    logger.setUseParentHandlers(false);
    listen();
  }

  /** Whatever level a test before has set. */
  private void listen() {
    logger.setLevel(Level.INFO);
    logger.addHandler(this);
  }

  /** What was collected: level and message of each. */
  public List<String> lines() {
    return lines;
  }

  @Override
  public void publish(LogRecord line) {
    if (isLoggable(line)) {
      String thrown = line.getThrown() == null ? "" : ", " + line.getThrown();
      each.accept(line.getLevel() + " " + formatter.formatMessage(line) + thrown);
    }
  }

  @Override
  public void flush() {
    // Nothing is held back.
  }

  @Override
  public void close() {
    logger.removeHandler(this);
    logger.setLevel(null);
    logger.setUseParentHandlers(true);
  }
}
