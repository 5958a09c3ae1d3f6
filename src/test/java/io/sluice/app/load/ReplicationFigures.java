package io.sluice.app.load;

import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Prints what a slave costs: sends with ack disk without a slave and with one, and with ack
 * replicated, by 1 and by 64 connections; then how fast an empty slave catches up, against plain
 * sockets over loopback. Run it by hand: {@code main} with the seconds for each figure.
 */
final class ReplicationFigures {

  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final long FILL_BYTES = 1L << 30;

  private ReplicationFigures() {}

  public static void main(String[] arguments) throws Exception {
    long seconds = arguments.length == 0 ? 5 : Long.parseLong(arguments[0]);
    Path directory = Files.createTempDirectory("replication");
    int port = freePort();
    List<String> heap = List.of("-Xmx128m");
    String[] listens = {"--host", "127.0.0.1", "--replication-port", Integer.toString(port)};
    try (ServerProcess master = ServerProcess.start(directory.resolve("m"), heap, listens)) {
      sends(master, "disk, no slave", "disk", seconds);
      try (ServerProcess slave = slave(directory.resolve("s"), heap, port)) {
        awaitInSync(master);
        sends(master, "disk, one slave", "disk", seconds);
        sends(master, "replicated, one slave", "replicated", seconds);
        slave.stop();
      }
      fill(master);
      long startNs = System.nanoTime();
      try (ServerProcess slave = slave(directory.resolve("s2"), heap, port)) {
        // From the ready line on: the start of the process is not what is measured.
        long readyNs = System.nanoTime();
        JsonObject end = awaitInSync(master);
        long bytes = end.getLong("maxPhysicalOffset");
        rate("catch-up of an empty slave, from its first byte", bytes, System.nanoTime() - readyNs);
        rate("the same, from the start of its process", bytes, System.nanoTime() - startNs);
        slave.stop();
      }
      master.stop();
    }
    loopback();
  }

  private static ServerProcess slave(Path data, List<String> heap, int port) throws Exception {
    return ServerProcess.start(
        data, heap, "--host", "127.0.0.1", "--replication-from", "127.0.0.1:" + port);
  }

  private static void sends(ServerProcess master, String name, String ack, long seconds) {
    for (int connections : new int[] {1, 64}) {
      Vertx vertx = Vertx.vertx();
      byte[] request =
          ("POST /v1/topics/figures/messages HTTP/1.1\r\nHost: sluice\r\nSluice-Ack: "
                  + ack
                  + "\r\nContent-Length: 128\r\n\r\n"
                  + "x".repeat(128))
              .getBytes(StandardCharsets.US_ASCII);
      Figures figures =
          new ClosedLoop(vertx, master.endpoint(), request, 201, 1)
              .run(name, connections, 1, 2_000, seconds * 1_000)
              .await();
      System.out.printf(
          Locale.ROOT,
          "%s, %d connections: %.0f/s, median %.2f ms, p99 %.2f ms, %d failed%n",
          name,
          connections,
          figures.messages() * 1e9 / figures.elapsedNs(),
          figures.latency().getValueAtPercentile(50) / 1e6,
          figures.latency().getValueAtPercentile(99) / 1e6,
          figures.failed());
      vertx.close().await();
    }
  }

  private static void fill(ServerProcess master) throws Exception {
    String line = new JsonObject().put("body", "x".repeat(1_000)).encode() + "\n";
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(master.url() + "/v1/topics/fill/messages"))
            .header("Content-Type", "application/x-ndjson")
            .header("Sluice-Ack", "memory")
            .POST(HttpRequest.BodyPublishers.ofString(line.repeat(10_000)))
            .build();
    while (status(master).getLong("maxPhysicalOffset") < FILL_BYTES) {
      HTTP.send(request, HttpResponse.BodyHandlers.discarding());
    }
  }

  private static JsonObject awaitInSync(ServerProcess master) throws Exception {
    while (true) {
      JsonObject status = status(master);
      if (status.getInteger("inSync") == 1) {
        return status;
      }
    }
  }

  private static JsonObject status(ServerProcess server) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(server.url() + "/v1/brokers/broker-a")).build();
    return new JsonObject(HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body());
  }

  private static void rate(String name, long bytes, long ns) {
    System.out.printf(
        Locale.ROOT,
        "%s: %d MB in %.2f s, %.0f MB/s%n",
        name,
        bytes / 1_000_000,
        ns / 1e9,
        bytes * 1e3 / ns);
  }

  /** Plain blocking sockets, 256 KiB at a time, nothing done with what comes. */
  private static void loopback() throws Exception {
    List<Thread> threads = new ArrayList<>();
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread sender =
          new Thread(
              () -> {
                byte[] bytes = new byte[256 << 10];
                try (Socket socket = server.accept();
                    OutputStream out = socket.getOutputStream()) {
                  for (long sent = 0; sent < FILL_BYTES; sent += bytes.length) {
                    out.write(bytes);
                  }
                } catch (java.io.IOException e) {
                  throw new IllegalStateException(e);
                }
              });
      threads.add(sender);
      sender.start();
      long startNs = System.nanoTime();
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.getLocalPort());
          InputStream in = socket.getInputStream()) {
        byte[] bytes = new byte[256 << 10];
        long received = 0;
        int count;
        while ((count = in.read(bytes)) >= 0) {
          received += count;
        }
        rate("plain sockets over loopback", received, System.nanoTime() - startNs);
      }
      sender.join();
    }
  }

  private static int freePort() throws Exception {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
