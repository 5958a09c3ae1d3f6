package io.sluice.app.load;

import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * A server in a process of its own, on free ports: for benchmarks, demos and tests. It runs the
 * same classes as this process. What it writes goes to a file in its data directory's parent.
 */
public final class ServerProcess implements AutoCloseable {

  private static final long START_SECONDS = 60;
  private static final long STOP_SECONDS = 30;

  private final Process process;
  private final Path log;
  private final JsonObject ready;
  private final long readyNs;
  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile Consumer<ServerProcess> onEnd = self -> {};

  private ServerProcess(Process process, Path log, JsonObject ready, long readyNs) {
    this.process = process;
    this.log = log;
    this.ready = ready;
    this.readyNs = readyNs;
  }

  /** A process that ended before it was ready. */
  public static final class EndedException extends IOException {

    private static final long serialVersionUID = 1L;

    private final int exitCode;

    EndedException(int exitCode, String message) {
      super(message);
      this.exitCode = exitCode;
    }

    /** What it ended with; -1 if it did not end and was killed. */
    public int exitCode() {
      return exitCode;
    }
  }

  /**
   * The command that runs this project's command line in a new JVM.
   *
   * @param javaFlags flags of the JVM
   * @param arguments of the command line
   */
  public static List<String> command(List<String> javaFlags, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(javaFlags);
    String jar = System.getProperty("sluice.jar");
    if (jar != null) {
      command.add("-jar");
      command.add(jar);
    } else {
      command.add("-cp");
      command.add(System.getProperty("java.class.path"));
      command.add("io.sluice.app.Main");
    }
    command.addAll(arguments);
    return command;
  }

  /**
   * Starts a server on free ports and waits until it is ready.
   *
   * @param data its data directory
   * @param javaFlags flags of the JVM
   * @param arguments further arguments of {@code standalone}
   * @throws EndedException if it ended instead, with the end of what it wrote
   */
  public static ServerProcess start(Path data, List<String> javaFlags, String... arguments)
      throws IOException {
    List<String> all = new ArrayList<>(List.of("standalone", "--json", "--data", data.toString()));
    for (String port : List.of("--http-port", "--nameserver-port", "--broker-port")) {
      if (!List.of(arguments).contains(port)) {
        all.addAll(List.of(port, "0"));
      }
    }
    all.addAll(List.of(arguments));
    Path log = data.resolveSibling(data.getFileName() + ".log");
    return run(command(javaFlags, all), log);
  }

  /** Starts a server by any command that prints the ready line as JSON. */
  public static ServerProcess run(List<String> command, Path log) throws IOException {
    long startNs = System.nanoTime();
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().keySet().removeIf(name -> name.startsWith("SLUICE_"));
    Process process = builder.start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    try {
      String line =
          CompletableFuture.supplyAsync(() -> readyLine(out)).get(START_SECONDS, TimeUnit.SECONDS);
      if (line.startsWith("{")) {
        return new ServerProcess(process, log, new JsonObject(line), System.nanoTime() - startNs);
      }
      process.waitFor(STOP_SECONDS, TimeUnit.SECONDS);
      throw new EndedException(
          process.exitValue(), "the server ended with " + process.exitValue() + ": " + tail(log));
    } catch (TimeoutException | ExecutionException e) {
      process.destroyForcibly();
      throw new EndedException(-1, "the server was not ready in time: " + tail(log));
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      throw new EndedException(-1, "interrupted");
    }
  }

  /** The line in JSON, after whatever the JVM has to say of its flags. */
  private static String readyLine(BufferedReader out) {
    try {
      String line = out.readLine();
      while (line != null && !line.startsWith("{")) {
        line = out.readLine();
      }
      return line == null ? "" : line;
    } catch (IOException e) {
      return "";
    }
  }

  private static String tail(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log);
    return String.join(
        System.lineSeparator(), lines.subList(Math.max(0, lines.size() - 20), lines.size()));
  }

  /** Where it answers. */
  public Endpoint endpoint() {
    return new Endpoint("127.0.0.1", ready.getInteger("http"), process.pid());
  }

  /** Its HTTP address. */
  public String url() {
    return "http://127.0.0.1:" + ready.getInteger("http");
  }

  /** The line it printed when it was ready. */
  public JsonObject ready() {
    return ready;
  }

  /** From the start of the process to its ready line, in nanoseconds. */
  public long readyNs() {
    return readyNs;
  }

  /** The process, to be sent signals. */
  public Process process() {
    return process;
  }

  /** Sets what is done once, by whoever ends it, when it has ended. */
  public void onEnd(Consumer<ServerProcess> action) {
    onEnd = action;
  }

  private void ended() {
    if (ended.compareAndSet(false, true)) {
      onEnd.accept(this);
    }
  }

  /** Where what it writes goes; what others wrote before it may stand there too. */
  public Path logFile() {
    return log;
  }

  /** What it has written so far. */
  public String log() throws IOException {
    return Files.readString(log);
  }

  /** Ends it as {@code kill -9} does and waits until it is gone. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
    ended();
  }

  /**
   * Asks it to stop (SIGTERM) and waits.
   *
   * @return its exit code
   * @throws IOException if it does not stop in time; it is killed then
   */
  public int stop() throws IOException, InterruptedException {
    process.destroy();
    if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
      kill();
      throw new IOException("the server did not stop within " + STOP_SECONDS + " s");
    }
    ended();
    return process.exitValue();
  }

  /** Kills it if it still runs. */
  @Override
  public void close() {
    process.destroyForcibly();
    process.onExit().join();
    ended();
  }
}
