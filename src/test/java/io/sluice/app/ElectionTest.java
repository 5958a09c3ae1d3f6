package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.cluster.ClusterOptions;
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
import java.util.concurrent.TimeUnit;
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
    startAll(false);
    try {
      int first = awaitMaster(-1);
      awaitAgreed(first, 2);
      client(first).send("t", "one", "Sluice-Ack", "replicated").expect(201);
      JsonObject promoted = new JsonObject();
      client((first + 1) % SERVERS).post(BROKER + "/promote", promoted).expect(409);
      String cluster = client(first).get("/v1/cluster").expect(200).body();
      assertTrue(cluster.contains("\"epoch\":"), cluster);

      Await.result("the stop of the master", servers.set(first, null).close());
      int second = awaitMaster(first);
      awaitAgreed(second, 1);
      client(second).send("t", "two", "Sluice-Ack", "replicated").expect(201);

      servers.set(first, Await.result("its start", Sluice.start(options(first))));
      awaitAgreed(second, 2);
      assertEquals("slave", client(first).get(BROKER).expect(200).json().getString("role"));
      client(second).send("t", "three", "Sluice-Ack", "replicated").expect(201);
      Await.until(
          "the cluster shows the set",
          () -> {
            String now = client(second).get("/v1/cluster").body();
            return now.matches(".*\"inSync\":\\[0,\\d,\\d\\].*");
          });
    } finally {
      closeAll();
    }
  }

  @Test
  void shouldReachTheMasterFromEveryServerOfACluster() throws Exception {
    startAll(true);
    try {
      int first = master(-1);
      awaitAgreed(first, 2);
      for (int i = 0; i < SERVERS; i++) {
        client(i).send("t", "at " + i, "Sluice-Ack", "replicated").expect(201);
      }
      Await.result("the stop of the master", servers.set(first, null).close());
      int second = master(first);
      int third = 3 - first - second;
      awaitAgreed(second, 1);
      for (int i : new int[] {second, third}) {
        Await.until(
            "sends go on at server " + i,
            () -> client(i).send("t", "again", "Sluice-Ack", "replicated").status() == 201);
      }
      // Each is asked by its own name, too.
      String slave = client(third).get("/v1/brokers/broker-a%2F" + node(third)).body();
      assertTrue(slave.contains("\"role\":\"slave\""), slave);
    } finally {
      closeAll();
    }
  }

  /** The server at whose address the route has the master. */
  private int master(int not) {
    int[] found = {-1};
    Await.until(
        "a master is registered",
        () -> {
          for (int i = 0; i < SERVERS; i++) {
            String cluster = i == not ? "" : client(i).get("/v1/cluster").body();
            for (int j = 0; j < SERVERS; j++) {
              String master = ".*\"id\":0,\"role\":\"master\",\"address\":\"%s:10911\".*";
              if (j != not && cluster.matches(String.format(master, subnet + (j + 1)))) {
                found[0] = j;
                return true;
              }
            }
          }
          return false;
        });
    return found[0];
  }

  /** The number of the slave at a server, once that is registered again. */
  private String node(int index) {
    String address = "\"" + subnet + (index + 1) + ":10911\"";
    String[] last = {""};
    Await.until(
        () -> address + " is not registered: " + last[0],
        () -> {
          last[0] = client(index).get("/v1/cluster").body();
          return last[0].contains(address);
        });
    String before = last[0].substring(0, last[0].indexOf(address));
    String id = before.substring(before.lastIndexOf("\"id\":") + 5);
    return id.substring(0, id.indexOf(','));
  }

  private void awaitAgreed(int index, int slaves) {
    String[] last = {""};
    Await.until(
        () -> slaves + " slaves are not in sync: " + last[0],
        () -> {
          last[0] = client(index).get(BROKER).body();
          return new JsonObject(last[0]).getInteger("inSync", -1) == slaves;
        });
  }

  private void startAll(boolean clustered) throws Exception {
    List<Future<Sluice>> starts = new ArrayList<>();
    for (int i = 0; i < SERVERS; i++) {
      SluiceOptions options = options(i);
      if (clustered) {
        options.setCluster(
            new ClusterOptions()
                .setHost(options.host())
                .setHosts(subnet + "1:7800," + subnet + "2:7800," + subnet + "3:7800"));
      }
      starts.add(Sluice.start(options));
    }
    // All of a cluster at a time, on two processors: not in the deadline of anything else.
    for (Future<Sluice> start : starts) {
      servers.add(start.toCompletionStage().toCompletableFuture().get(4, TimeUnit.MINUTES));
    }
  }

  private void closeAll() {
    for (Sluice server : servers) {
      if (server != null) {
        Await.result("the end of a server", server.close());
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
}
