package io.sluice.app.load;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * From publish to push at a steady rate: one publisher over HTTP or WebSocket, one subscriber over
 * a binary WebSocket. The latency of each message counts from the time it was meant to be sent
 * until the subscriber has read it.
 */
final class EndToEnd {

  private static final long HIGHEST_NS = 60_000_000_000L;
  private static final long DRAIN_SECONDS = 30;

  private final Endpoint server;
  private final String topic;
  private final byte[] body;
  private final double perSecond;
  private final String ack;

  EndToEnd(Endpoint server, String topic, int size, double perSecond, String ack) {
    this.server = server;
    this.topic = topic;
    this.body = Payload.of(size);
    this.perSecond = perSecond;
    this.ack = ack;
  }

  /** Runs for a time, of which the first part is not measured. */
  Figures run(String name, boolean overWebSocket, long warmupMs, long measureMs)
      throws IOException, InterruptedException {
    long skipped = (long) (perSecond * warmupMs / 1000);
    long count = skipped + (long) (perSecond * measureMs / 1000);
    Histogram latency = new Histogram(HIGHEST_NS, 3);
    CountDownLatch received = new CountDownLatch(1);
    try (BlockingConnection subscriber = new BlockingConnection(server);
        BlockingConnection publisher = new BlockingConnection(server)) {
      subscribe(subscriber);
      Pace pace = new Pace(System.nanoTime() + 100_000_000L, perSecond);
      Thread reader =
          thread("receive", () -> receive(subscriber, pace, skipped, count, latency, received));
      byte[] request = prepare(publisher, overWebSocket);
      int numberAt = request.length - body.length;
      Thread drain = thread("answers", () -> drain(publisher));
      long[] cpuNs = new long[1];
      pace.run(
          count,
          index -> {
            if (index == skipped) {
              cpuNs[0] = ProcessFigures.cpuNs(server.pid());
            }
            Payload.number(request, numberAt, index);
            publisher.write(request);
          });
      boolean all = received.await(DRAIN_SECONDS, TimeUnit.SECONDS);
      long elapsedNs = System.nanoTime() - pace.intendedNs(skipped);
      long usedNs = cpuNs[0] < 0 ? -1 : ProcessFigures.cpuNs(server.pid()) - cpuNs[0];
      subscriber.close();
      publisher.close();
      reader.join();
      drain.join();
      long measured = latency.getTotalCount();
      return new Figures(
          name,
          measured,
          elapsedNs,
          usedNs,
          latency,
          all ? 0 : count - skipped - measured,
          "at " + (long) perSecond + "/s");
    }
  }

  private void subscribe(BlockingConnection subscriber) throws IOException {
    // A reader from the latest: what earlier runs left in the topic is not seen.
    subscriber.upgrade(server, "/v1/ws", "sluice.v1.bin");
    String frame =
        "{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\""
            + topic
            + "\",\"group\":\"bench-latency\",\"from\":\"latest\",\"ack\":\"auto\","
            + "\"credit\":10000}";
    subscriber.write(WebSocketFrames.binary(frame, new byte[0]));
    boolean[] subscribed = new boolean[1];
    WebSocketFrames frames =
        new WebSocketFrames(
            (opcode, bytes, from, to) ->
                subscribed[0] |= Bytes.contains(bytes, from, to, "\"subscribed\""));
    while (!subscribed[0] && subscriber.read(frames::parse)) {
      // Each round reads what has come.
    }
  }

  private byte[] prepare(BlockingConnection publisher, boolean overWebSocket) throws IOException {
    if (overWebSocket) {
      publisher.upgrade(server, "/v1/ws", "sluice.v1.bin");
      String header =
          "{\"type\":\"publish\",\"id\":\"p\",\"topic\":\"" + topic + "\",\"ack\":\"" + ack + "\"}";
      return WebSocketFrames.binary(header, body);
    }
    return HttpConnection.post(
        server, "/v1/topics/" + topic + "/messages", "Sluice-Ack: " + ack + "\r\n", body);
  }

  private static void receive(
      BlockingConnection subscriber,
      Pace pace,
      long skipped,
      long count,
      Histogram latency,
      CountDownLatch received)
      throws IOException {
    long[] seen = new long[1];
    WebSocketFrames frames =
        new WebSocketFrames(
            (opcode, bytes, from, to) -> {
              if (opcode != WebSocketFrames.BINARY || !Bytes.isMessage(bytes, from, to)) {
                return;
              }
              long index = Payload.number(bytes, Payload.bodyOf(bytes, from));
              if (index >= skipped) {
                long ns = System.nanoTime() - pace.intendedNs(index);
                latency.recordValue(Math.min(Math.max(ns, 0), HIGHEST_NS));
              }
              if (++seen[0] == count) {
                received.countDown();
              }
            });
    while (subscriber.read(frames::parse)) {
      // Each round reads what has come.
    }
  }

  private static void drain(BlockingConnection publisher) throws IOException {
    while (publisher.read(in -> in.consume(in.end()))) {
      // The answers are only taken off; that every message came is what counts.
    }
  }

  private interface Loop {
    void run() throws IOException;
  }

  private static Thread thread(String name, Loop loop) {
    Thread thread =
        new Thread(
            () -> {
              try {
                loop.run();
              } catch (IOException e) {
                // The connection was closed at the end of the run: this thread ends with it.
              }
            },
            "sluice-load-" + name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
