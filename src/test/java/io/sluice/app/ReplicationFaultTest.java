package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.CuttingProxy;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a slave's bytes are its master's, whatever happens to the connection. Method: a proxy cuts
 * each connection after a random number of bytes while the master is loaded with messages of all
 * sizes; the slave is also started anew. At the end the logs are compared byte by byte. The seed is
 * in each failure ({@code -Dreplication.seed}).
 */
final class ReplicationFaultTest {

  private static final long SEED = Long.getLong("replication.seed", System.nanoTime());
  private static final String BROKER = "/v1/brokers/broker-a";

  @TempDir Path directory;

  private final Random random = new Random(SEED);

  @Test
  void shouldHaveTheMastersBytesWhereverTheConnectionIsCut() throws Exception {
    long end;
    try (TestServer master =
            TestServer.start(
                directory.resolve("m"),
                options -> options.setReplication(options.replication().withPort(0)));
        CuttingProxy proxy =
            new CuttingProxy("127.0.0.1", master.sluice().replicationPort(), SEED)) {
      TestClient client = new TestClient(master.uri());
      proxy.cutWithin(300_000);
      for (int start = 0; start < 3; start++) {
        try (TestServer slave = slave(proxy)) {
          int enough = proxy.cuts() + 8;
          Await.until(
              () -> story() + ", " + proxy.cuts() + " cuts: the load is slow",
              () -> {
                send(client);
                return proxy.cuts() >= enough;
              });
        }
      }
      proxy.cutWithin(0);
      try (TestServer slave = slave(proxy)) {
        Await.until(
            () -> story() + ": not in sync",
            () -> client.get(BROKER).json().getInteger("inSync") == 1);
        client.send("t", "last", "Sluice-Ack", "replicated").expect(201);
        end = client.get(BROKER).json().getLong("maxPhysicalOffset");
        JsonObject[] last = new JsonObject[1];
        Await.until(
            () -> story() + ": the slave is at " + last[0] + ", the master at " + end,
            () -> {
              last[0] = new TestClient(slave.uri()).get(BROKER).json();
              return last[0].getLong("maxPhysicalOffset") == end;
            });
      }
    }
    assertSameLogs(directory.resolve("m"), directory.resolve("s"), end);
  }

  private TestServer slave(CuttingProxy proxy) {
    return TestServer.start(
        directory.resolve("s"),
        options ->
            options.setReplication(options.replication().following("127.0.0.1:" + proxy.port())));
  }

  private void send(TestClient client) throws Exception {
    int bytes = random.nextInt(10) == 0 ? random.nextInt(200_000) : random.nextInt(2_000);
    client.send("t" + random.nextInt(3), "b".repeat(1 + bytes)).expect(201);
  }

  private static String story() {
    return "-Dreplication.seed=" + SEED;
  }

  private static void assertSameLogs(Path one, Path other, long end) throws IOException {
    try (var files = Files.list(one.resolve("commitlog"))) {
      List<Path> segments = files.sorted().toList();
      assertTrue(segments.size() > 1, "only one segment");
      for (Path segment : segments) {
        long start = Long.parseLong(segment.getFileName().toString());
        long count = Math.min(Files.size(segment), end - start);
        if (count > 0) {
          Path copy = other.resolve("commitlog").resolve(segment.getFileName());
          try (FileChannel a = FileChannel.open(segment, StandardOpenOption.READ);
              FileChannel b = FileChannel.open(copy, StandardOpenOption.READ)) {
            int mismatch =
                a.map(FileChannel.MapMode.READ_ONLY, 0, count)
                    .mismatch(b.map(FileChannel.MapMode.READ_ONLY, 0, count));
            assertEquals(-1, mismatch, story() + ": " + segment);
          }
        }
      }
    }
  }
}
