package io.sluice.app.load;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;

/**
 * The scenarios of the benchmark, each against a server that is given. Blocks the calling thread;
 * the load runs on one event loop of its own, so that it takes one processor at most.
 */
public final class Bench implements AutoCloseable {

  /** Everything that can be measured, in this order. */
  public enum Scenario {
    BARE("a bare Vert.x endpoint that reads the body and answers 201, to compare sends with"),
    SEND_MEMORY("HTTP, one message a request, ack memory"),
    SEND_DISK("HTTP, one message a request, ack disk"),
    BATCH("HTTP, NDJSON, 1,000 messages a request, ack memory"),
    PUSH("WebSocket, binary, one message a frame, one subscriber"),
    PUSH_BATCH("WebSocket, binary, 100 messages a frame, one subscriber"),
    LATENCY_HTTP("publish over HTTP to push, at a steady rate, ack memory"),
    LATENCY_WS("publish over WebSocket to push, at a steady rate, ack memory"),
    FANOUT("1,000 subscribers in 1,000 groups of one topic at 100 messages/s"),
    IDLE("10,000 subscribers to whom nothing is sent: memory"),
    START("from the start of the process to the first acked message");

    private final String sentence;

    Scenario(String sentence) {
      this.sentence = sentence;
    }

    /** What it does. */
    public String sentence() {
      return sentence;
    }

    /** As it is written on the command line: {@code send-memory}. */
    public String word() {
      return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * How large and how long.
   *
   * @param size of a body in bytes
   * @param warmupMs not measured
   * @param measureMs measured
   * @param connections for sends
   * @param inFlight requests in flight on each connection
   * @param rate messages a second where latency is measured
   * @param subscribers for fan-out
   * @param idle subscribers that get nothing
   * @param pushed messages pushed one a frame; four times as many in batches
   */
  public record Size(
      int size,
      long warmupMs,
      long measureMs,
      int connections,
      int inFlight,
      double rate,
      int subscribers,
      int idle,
      long pushed) {

    /** What the project's figures are measured with. */
    public static Size standard() {
      return new Size(128, 5_000, 10_000, 64, 1, 1_000, 1_000, 10_000, 1_000_000);
    }
  }

  private static final int LINES = 1_000;
  private static final int BATCH = 100;
  private static final double FANOUT_RATE = 100;
  private static final int STARTS = 5;

  private final Vertx vertx;
  private final Size size;
  private final Consumer<String> progress;

  /**
   * @param progress hears what is being done
   */
  public Bench(Size size, Consumer<String> progress) {
    this.size = size;
    this.progress = progress;
    this.vertx =
        Vertx.vertx(new VertxOptions().setPreferNativeTransport(true).setEventLoopPoolSize(1));
  }

  /**
   * Runs one scenario against a server; {@link Scenario#BARE} and {@link Scenario#START} need none.
   *
   * @throws IOException if the server does not do what it should
   */
  public Figures run(Scenario scenario, Endpoint server) throws IOException, InterruptedException {
    progress.accept(scenario.word());
    return switch (scenario) {
      case BARE -> bare();
      case SEND_MEMORY -> send(scenario.word(), server, "memory");
      case SEND_DISK -> send(scenario.word(), server, "disk");
      case BATCH -> batch(server);
      case PUSH -> push(scenario.word(), server, size.pushed(), 1);
      case PUSH_BATCH -> push(scenario.word(), server, size.pushed() * 4, BATCH);
      case LATENCY_HTTP -> endToEnd(server, scenario.word(), false);
      case LATENCY_WS -> endToEnd(server, scenario.word(), true);
      case FANOUT -> fanout(server);
      case IDLE -> idle(server);
      case START -> start(ServerProcess.command(List.of(), List.of()), "start");
    };
  }

  private Figures bare() throws IOException, InterruptedException {
    List<String> command = ServerProcess.command(List.of("-Xmx128m"), List.of("bare"));
    Path log = Files.createTempFile("sluice-bare", ".log");
    try (ServerProcess bare = ServerProcess.run(command, log)) {
      return send(Scenario.BARE.word(), bare.endpoint(), "memory");
    } finally {
      Files.delete(log);
    }
  }

  private Figures send(String name, Endpoint server, String ack)
      throws IOException, InterruptedException {
    byte[] request =
        HttpConnection.post(
            server,
            "/v1/topics/bench-send/messages",
            "Sluice-Ack: " + ack + "\r\n",
            Payload.of(size.size()));
    ClosedLoop loop = new ClosedLoop(vertx, server, request, 201, 1);
    return await(
        loop.run(name, size.connections(), size.inFlight(), size.warmupMs(), size.measureMs()));
  }

  private Figures batch(Endpoint server) throws IOException, InterruptedException {
    ClosedLoop loop = new ClosedLoop(vertx, server, lines(server, "bench-batch"), 200, LINES);
    return await(loop.run(Scenario.BATCH.word(), 4, 2, size.warmupMs(), size.measureMs()));
  }

  private byte[] lines(Endpoint server, String topic) {
    String line = "{\"body\":\"" + Payload.text(size.size()) + "\"}\n";
    return HttpConnection.post(
        server,
        "/v1/topics/" + topic + "/messages",
        "Content-Type: application/x-ndjson\r\nSluice-Ack: memory\r\n",
        line.repeat(LINES).getBytes(StandardCharsets.US_ASCII));
  }

  private Figures push(String name, Endpoint server, long messages, int batch)
      throws IOException, InterruptedException {
    String topic = "bench-" + name + "-" + System.nanoTime();
    long requests = messages / LINES;
    progress.accept(name + ": filling the topic");
    await(new ClosedLoop(vertx, server, lines(server, topic), 200, LINES).send(requests, 4, 2));
    progress.accept(name + ": draining it");
    long total = requests * LINES;
    PushLoad push = new PushLoad(name, server, total, total / 4);
    return await(push.run(vertx, topic, "bench-push", batch));
  }

  private Figures endToEnd(Endpoint server, String name, boolean overWebSocket)
      throws IOException, InterruptedException {
    String topic = "bench-latency-" + System.nanoTime();
    return new EndToEnd(server, topic, size.size(), size.rate(), "memory")
        .run(name, overWebSocket, size.warmupMs(), size.measureMs());
  }

  private Figures fanout(Endpoint server) throws IOException, InterruptedException {
    String topic = "bench-fanout-" + System.nanoTime();
    Subscribers subscribers = new Subscribers(vertx, server, topic);
    await(onLoop(() -> subscribers.open(size.subscribers())));
    long count = (long) (FANOUT_RATE * size.measureMs() / 1000);
    byte[] body = Payload.of(size.size());
    byte[] request =
        WebSocketFrames.binary(
            "{\"type\":\"publish\",\"topic\":\"" + topic + "\",\"ack\":\"memory\"}", body);
    long expected = count * size.subscribers();
    long privateBefore = ProcessFigures.privateBytes(server.pid());
    long cpuNs = ProcessFigures.cpuNs(server.pid());
    Pace pace = new Pace(System.nanoTime() + 100_000_000L, FANOUT_RATE);
    long startNs = System.nanoTime();
    onLoop(
        () -> {
          subscribers.measure(pace);
          return Future.succeededFuture();
        });
    try (BlockingConnection publisher = new BlockingConnection(server)) {
      // Requests on one HTTP connection would wait for each other, so for all the deliveries.
      publisher.upgrade(server, "/v1/ws", "sluice.v1.bin");
      pace.run(
          count,
          index -> {
            Payload.number(request, request.length - body.length, index);
            publisher.write(request);
          });
      long deadlineNs = System.nanoTime() + 30_000_000_000L;
      while (await(onLoop(() -> Future.succeededFuture(subscribers.received()))) < expected
          && System.nanoTime() < deadlineNs) {
        java.util.concurrent.locks.LockSupport.parkNanos(10_000_000L);
      }
    }
    long elapsedNs = System.nanoTime() - startNs;
    long usedNs = cpuNs < 0 ? -1 : ProcessFigures.cpuNs(server.pid()) - cpuNs;
    Histogram latency = await(onLoop(() -> Future.succeededFuture(subscribers.latency().copy())));
    long received = await(onLoop(() -> Future.succeededFuture(subscribers.received())));
    String note =
        "private memory "
            + mebibytes(privateBefore)
            + " before, "
            + mebibytes(ProcessFigures.privateBytes(server.pid()))
            + " after";
    await(onLoop(subscribers::close));
    return new Figures(
        Scenario.FANOUT.word(), received, elapsedNs, usedNs, latency, expected - received, note);
  }

  private Figures idle(Endpoint server) throws IOException, InterruptedException {
    Subscribers subscribers = new Subscribers(vertx, server, "bench-idle");
    await(onLoop(() -> subscribers.open(Math.min(100, size.idle() / 10))));
    collectGarbage(server);
    long before = ProcessFigures.privateBytes(server.pid());
    long startNs = System.nanoTime();
    int more = size.idle();
    await(onLoop(() -> subscribers.open(more)));
    long elapsedNs = System.nanoTime() - startNs;
    collectGarbage(server);
    long after = ProcessFigures.privateBytes(server.pid());
    long closed = await(onLoop(() -> Future.succeededFuture(subscribers.closed())));
    await(onLoop(subscribers::close));
    String note =
        mebibytes(after - before)
            + " of private memory for "
            + more
            + " subscribers, "
            + (after - before) / more
            + " bytes each";
    return new Figures(Scenario.IDLE.word(), more, elapsedNs, -1, null, closed, note);
  }

  /** Lets the server's garbage go first, where the JDK's own tool is at hand. */
  private static void collectGarbage(Endpoint server) throws IOException, InterruptedException {
    Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
    if (server.pid() > 0 && Files.isExecutable(jcmd)) {
      new ProcessBuilder(jcmd.toString(), Long.toString(server.pid()), "GC.run")
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    }
  }

  /**
   * Starts a server some times, each on new data, and sends it one message.
   *
   * @param launcher the command that takes the arguments of {@code standalone}
   */
  public Figures start(List<String> launcher, String name)
      throws IOException, InterruptedException {
    Histogram latency = new Histogram(60_000_000_000L, 3);
    long startNs = System.nanoTime();
    for (int i = 0; i < STARTS; i++) {
      Path directory = Files.createTempDirectory("sluice-start");
      try {
        latency.recordValue(startOnce(launcher, directory));
      } finally {
        deleteAll(directory);
      }
    }
    return new Figures(
        name, STARTS, System.nanoTime() - startNs, -1, latency, 0, String.join(" ", launcher));
  }

  private long startOnce(List<String> launcher, Path directory)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(launcher);
    command.addAll(List.of("standalone", "--json", "--data", directory.resolve("data").toString()));
    command.addAll(List.of("--http-port", "0", "--nameserver-port", "0", "--broker-port", "0"));
    long startNs = System.nanoTime();
    try (ServerProcess server = ServerProcess.run(command, directory.resolve("log"));
        BlockingConnection connection = new BlockingConnection(server.endpoint())) {
      connection.write(
          HttpConnection.post(
              server.endpoint(), "/v1/topics/start/messages", "", Payload.of(size.size())));
      int[] status = new int[1];
      HttpResponses answer = new HttpResponses((code, bytes, from, to) -> status[0] = code);
      while (status[0] == 0 && connection.read(answer::parse)) {
        // Each round reads what has come.
      }
      long tookNs = System.nanoTime() - startNs;
      if (status[0] != 201) {
        throw new IOException("the first send was answered with " + status[0]);
      }
      server.stop();
      return tookNs;
    }
  }

  private <T> Future<T> onLoop(java.util.function.Supplier<Future<T>> work) {
    io.vertx.core.Promise<T> promise = io.vertx.core.Promise.promise();
    vertx.runOnContext(ignored -> work.get().onComplete(promise));
    return promise.future();
  }

  private <T> T await(Future<T> future) throws IOException, InterruptedException {
    long seconds = 120 + (size.warmupMs() + size.measureMs()) / 1000;
    try {
      return future.toCompletionStage().toCompletableFuture().get(seconds, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new IOException(e.getCause().getMessage(), e.getCause());
    } catch (TimeoutException e) {
      throw new IOException("the server did not finish within " + seconds + " s");
    }
  }

  private static String mebibytes(long bytes) {
    return (bytes >> 20) + " MiB";
  }

  /** Deletes a directory with all that is in it. */
  public static void deleteAll(Path directory) throws IOException {
    try (Stream<Path> paths = Files.walk(directory)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  @Override
  public void close() {
    vertx.close().await();
  }
}
