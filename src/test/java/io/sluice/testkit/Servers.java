package io.sluice.testkit;

import io.sluice.app.load.ServerProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Starts servers in processes of their own that look closely at their event loops. Whoever ends one
 * fails the test where its log says that a loop was held up since it was ready: before that it
 * loads its classes. A test that lets a server stand still says so by {@link Signals}.
 */
public final class Servers {

  /**
   * Several processes that start at the same time keep each other from running: on two processors
   * with a load of 20, a loop that met its code for the first time was at it for 3 s.
   */
  private static final long BLOCKED_MS = 4 * BlockedLoops.BLOCKED_MS;

  private static final Pattern LINE_START = Pattern.compile("(?m)^(?=\\d{4}-\\d\\d-\\d\\dT)");

  private Servers() {}

  /** As {@link ServerProcess#start}. */
  public static ServerProcess start(Path data, List<String> javaFlags, String... arguments)
      throws IOException {
    String[] all = Arrays.copyOf(arguments, arguments.length + 2);
    all[arguments.length] = flag();
    all[arguments.length + 1] = BLOCKED_MS + "ms";
    return watched(ServerProcess.start(data, javaFlags, all));
  }

  /** As {@link ServerProcess#run}; the command ends with flags of the server. */
  public static ServerProcess run(List<String> command, Path log) throws IOException {
    List<String> all = new ArrayList<>(command);
    all.addAll(List.of(flag(), BLOCKED_MS + "ms"));
    return watched(ServerProcess.run(all, log));
  }

  /** From now on nothing is said of its loops: the test lets them stand still. */
  static void letStandStill(ServerProcess server) {
    server.onEnd(self -> {});
  }

  private static String flag() {
    return "--threads-blocked-warning";
  }

  private static ServerProcess watched(ServerProcess server) throws IOException {
    long from = Files.size(server.logFile());
    server.onEnd(ended -> check(ended.logFile(), from));
    return server;
  }

  private static void check(Path log, long from) {
    String text;
    try {
      byte[] all = Files.readAllBytes(log);
      text = new String(all, (int) from, all.length - (int) from, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(log + " can not be read", e);
    }
    List<String> blocked = heldUp(text);
    if (!blocked.isEmpty()) {
      throw new AssertionError(
          "an event loop of a server was held up, see " + log + ": " + String.join("", blocked));
    }
  }

  /** The warnings of a log that tell of a loop that was held up, each with its stack. */
  static List<String> heldUp(String log) {
    return LINE_START
        .splitAsStream(log)
        .filter(line -> line.contains("has been blocked for") && line.contains("eventloop"))
        .filter(BlockedLoops::isHeldUp)
        .toList();
  }
}
