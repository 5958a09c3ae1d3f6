package io.sluice.testkit;

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Makes a Vert.x that looks closely at its event loops, and fails the test when one of them was
 * held up. Listens to what Vert.x's own checker logs.
 */
public final class BlockedLoops implements AutoCloseable {

  /**
   * A loop that is held so long has waited for something. It is below Vert.x's two seconds, and
   * above what loading classes on an overloaded machine of two processors costs: 450 ms were seen.
   */
  static final long BLOCKED_MS = Long.getLong("blocked.ms", 1_000);

  private static final long LOOK_MS = 50;

  /** In the stack of who loads a class or links a lambda. */
  private static final String[] LOADING = {
    "java.lang.ClassLoader.", ".<clinit>(", "java.lang.invoke.MethodHandleNatives."
  };

  private static final Pattern OUR_FRAME = Pattern.compile("(?m)^\\s+at (\\S*/)?io\\.sluice\\.");

  // Kept, since the JDK holds loggers by weak references only.
  private static final Logger CHECKER = Logger.getLogger("io.vertx.core.impl.BlockedThreadChecker");

  private final List<String> blocked = Collections.synchronizedList(new ArrayList<>());
  private final Handler handler = new Collector();

  /** Begins to listen. */
  public BlockedLoops() {
    CHECKER.addHandler(handler);
  }

  /** Options of a Vert.x with a low threshold. */
  public static VertxOptions options() {
    return new VertxOptions()
        .setPreferNativeTransport(true)
        .setEventLoopPoolSize(2)
        .setBlockedThreadCheckInterval(LOOK_MS)
        .setBlockedThreadCheckIntervalUnit(TimeUnit.MILLISECONDS)
        .setMaxEventLoopExecuteTime(BLOCKED_MS)
        .setMaxEventLoopExecuteTimeUnit(TimeUnit.MILLISECONDS)
        // The stack is told from the first warning on.
        .setWarningExceptionTime(BLOCKED_MS)
        .setWarningExceptionTimeUnit(TimeUnit.MILLISECONDS);
  }

  /** A Vert.x with a low threshold. */
  public static Vertx vertx() {
    return Vertx.vertx(options());
  }

  /** Stops listening and fails if a loop was held up. */
  @Override
  public void close() {
    CHECKER.removeHandler(handler);
    if (!blocked.isEmpty()) {
      throw new AssertionError("an event loop was held up: " + String.join("\n", blocked));
    }
  }

  private static String stack(LogRecord record) {
    StringBuilder told = new StringBuilder();
    if (record.getThrown() != null) {
      for (StackTraceElement frame : record.getThrown().getStackTrace()) {
        told.append("\n    at ").append(frame);
      }
    }
    return told.toString();
  }

  /**
   * Whether it is a loop that waited for something, as its stack tells. The first server of a JVM
   * loads its classes as it goes, on whatever thread meets them; and a loop that stands in none of
   * our code was kept from running by the machine.
   *
   * @param told the warning and the stack behind it, if there is one
   */
  static boolean isHeldUp(String told) {
    boolean hasStack = told.contains("\n");
    boolean loads = Stream.of(LOADING).anyMatch(told::contains);
    return !hasStack || !loads && OUR_FRAME.matcher(told).find();
  }

  /** Takes warnings of event loops; workers may take as long as they like. */
  private final class Collector extends Handler {

    @Override
    public void publish(LogRecord record) {
      String text = String.valueOf(record.getMessage());
      if (record.getLevel().intValue() >= Level.WARNING.intValue()
          && text.contains("eventloop")
          && isHeldUp(text + stack(record))) {
        blocked.add(text + stack(record));
      }
    }

    @Override
    public void flush() {
      // Nothing is held back.
    }

    @Override
    public void close() {
      // Nothing is open.
    }
  }
}
