package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.vertx.core.Future;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Three servers in this JVM, each with a controller in its NameServer's process. */
final class ElectionTest {

  private static final String BROKER = "/v1/brokers/broker-a";
  private static final int SERVERS = 3;

  @TempDir Path directory;

  private final String subnet = "127." + ThreadLocalRandom.current().nextInt(10, 250) + ".8.";
  private final List<Sluice> servers = new ArrayList<>();

  @Test
  void shouldElectReplicateHandOverAndTakeTheOldMasterBackAsASlave() throws Exception {
    List<Future<Sluice>> starts = new ArrayList<>();
    for (int i = 0; i < SERVERS; i++) {
      starts.add(Sluice.start(options(i)));
    }
    for (Future<Sluice> start : starts) {
      servers.add(Await.result("the start of a server", start));
    }
    try {
      int first = awaitMaster(-1);
      awaitInSync(first, 2);
      client(first).send("t", "one", "Sluice-Ack", "replicated").expect(201);
      JsonObject promoted = new JsonObject();
      client(1 - Math.min(1, first)).post(BROKER + "/promote", promoted).expect(409);
      String cluster = client(first).get("/v1/cluster").expect(200).body();
      assertTrue(cluster.contains("\"epoch\":"), cluster);

      Await.result("the stop of the master", servers.set(first, null).close());
      int second = awaitMaster(first);
      awaitInSync(second, 1);
      client(second).send("t", "two", "Sluice-Ack", "replicated").expect(201);

      servers.set(first, Await.result("its start", Sluice.start(options(first))));
      awaitInSync(second, 2);
      assertEquals("slave", client(first).get(BROKER).expect(200).json().getString("role"));
      client(second).send("t", "three", "Sluice-Ack", "replicated").expect(201);
      Await.until(
          "the cluster shows the set",
          () -> {
            String now = client(second).get("/v1/cluster").body();
            return now.matches(".*\"inSync\":\\[0,\\d,\\d\\].*");
          });
    } finally {
      for (Sluice server : servers) {
        if (server != null) {
          Await.result("the end of a server", server.close());
        }
      }
    }
  }

  private SluiceOptions options(int index) {
    String host = subnet + (index + 1);
    List<String> members = new ArrayList<>();
    for (int i = 1; i <= SERVERS; i++) {
      members.add(subnet + i + ":9878");
    }
    SluiceOptions options =
        new SluiceOptions().setHost(host).setDataDirectory(directory.resolve("node-" + index));
    options.store().segmentBytes(1 << 20);
    options.setReplication(
        options
            .replication()
            .withPort(10_912)
            .withTimeouts(Duration.ofSeconds(3), Duration.ofSeconds(5)));
    return options.setControllers(
        new ControllerConfig(members, true, host, 9_878, Duration.ofSeconds(2)));
  }

  private TestClient client(int index) {
    return new TestClient(URI.create("http://" + subnet + (index + 1) + ":8080"));
  }

  private int awaitMaster(int not) {
    int[] found = {-1};
    Await.until(
        "a master",
        () -> {
          for (int i = 0; i < servers.size(); i++) {
            if (i != not
                && servers.get(i) != null
                && client(i).get(BROKER).body().contains("\"role\":\"master\"")) {
              found[0] = i;
              return true;
            }
          }
          return false;
        });
    return found[0];
  }

  private void awaitInSync(int index, int slaves) {
    String[] last = {""};
    Await.until(
        () -> slaves + " slaves are not in sync: " + last[0],
        () -> {
          last[0] = client(index).get(BROKER).body();
          return new JsonObject(last[0]).getInteger("inSync", -1) == slaves;
        });
  }
}
