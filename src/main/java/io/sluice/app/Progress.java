package io.sluice.app;

import java.io.PrintStream;
import java.util.function.Supplier;

/**
 * The one line that says how far something long has come, on standard error. On a terminal it is
 * written over; elsewhere it is a new line every few seconds. One thread.
 */
final class Progress {

  private static final long TERMINAL_NS = 200_000_000L;
  private static final long LINES_NS = 5_000_000_000L;

  private final PrintStream err;
  private final boolean terminal;
  private long lastNs = System.nanoTime();
  private int width;

  Progress(PrintStream err) {
    this.err = err;
    this.terminal = System.console() != null;
  }

  /** Shows the line if it is time to; only then is it made. */
  void show(Supplier<String> line) {
    long nowNs = System.nanoTime();
    if (nowNs - lastNs < (terminal ? TERMINAL_NS : LINES_NS)) {
      return;
    }
    lastNs = nowNs;
    String text = line.get();
    if (terminal) {
      err.print("\r" + text + " ".repeat(Math.max(0, width - text.length())));
      err.flush();
      width = text.length();
    } else {
      err.println(text);
    }
  }

  /** Shows the line now: something else has begun. */
  void force(String line) {
    lastNs = System.nanoTime() - LINES_NS;
    show(() -> line);
  }

  /** Wipes the line, so that the result stands alone. */
  void clear() {
    if (width > 0) {
      err.print("\r" + " ".repeat(width) + "\r");
      err.flush();
      width = 0;
    }
  }
}
