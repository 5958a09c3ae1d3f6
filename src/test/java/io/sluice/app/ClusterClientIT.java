package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.SluiceException;
import io.sluice.client.SendReceipt;
import io.sluice.client.SluiceClient;
import io.sluice.client.SubscribeOptions;
import io.sluice.cluster.ClusterOptions;
import io.sluice.testkit.Await;
import io.sluice.testkit.LongForm;
import io.sluice.testkit.Snippets;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Goal: a Vert.x application in the cluster sends and receives whichever Broker dies, with the same
 * client and the same subscriptions. Method: a NameServer and two Brokers as processes, the
 * application in this JVM; the Broker that has the topic is killed, the other takes over, dies
 * itself, and the first comes back.
 */
class ClusterClientIT {

  private static final String SECRET = "a-secret-of-32-characters-length";

  private static final List<String> NAMES =
      List.of("nameserver-1", "broker-1", "broker-2", "application-1");

  @TempDir Path directory;

  private final Set<String> acked = new TreeSet<>();
  private final Set<String> handled = ConcurrentHashMap.newKeySet();
  private final Set<String> read = ConcurrentHashMap.newKeySet();
  private final List<String> shipped = new CopyOnWriteArrayList<>();
  private int next;

  @LongForm
  @Test
  void shouldGoOnWithTheSameClientWhicheverBrokerDies() throws Exception {
    try (ClusterNodes nodes = new ClusterNodes(directory, NAMES, "--cluster-secret", SECRET)) {
      nodes.startAll("nameserver-1", "broker-1", "broker-2");
      String own = nodes.address("application-1");
      SluiceCluster application = Await.result("the example", example(own, nodes.hosts(), SECRET));
      Await.until("the example's order is shipped", () -> shipped.contains("an order"));

      SluiceClient client = application.client();
      subscribe(client);
      String owner = sendUntilTaken(client);
      awaitAll();

      nodes.kill(owner);
      String other = sendUntilTaken(client);
      assertNotEquals(owner, other);
      awaitAll();

      nodes.kill(other);
      nodes.start(owner);
      assertEquals(owner, sendUntilTaken(client));
      awaitAll();

      nodes.start(other);
      Await.until("both are there again", () -> application.members().size() == 4);
      for (int i = 0; i < 20; i++) {
        sendUntilTaken(client);
      }
      awaitAll();
      Await.result("the end of the membership", application.close());
    }
  }

  @Test
  void shouldSayWhichPortIsTaken() throws Exception {
    String own = "127.0.7.7";
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName(own))) {
      ClusterOptions options =
          new ClusterOptions().setHost(own).setPort(Math.min(65_533, taken.getLocalPort()));
      Throwable refused = Await.failure("the join", SluiceCluster.join(options));
      assertTrue(refused.getMessage().contains(own + ":" + options.getPort()), refused::toString);
      assertEquals(ExitCode.PORT_IN_USE, ((StartException) refused).exitCode());
    }
  }

  @Test
  void shouldBeTheDocumentsText() throws IOException {
    Snippets.assertIsIn(Path.of("docs/operations.md"), ClusterClientIT.class);
  }

  // example
  private Future<SluiceCluster> example(String ownAddress, String hosts, String secret) {
    ClusterOptions options =
        new ClusterOptions()
            .setName("DefaultCluster")
            .setHost(ownAddress)
            .setHosts(hosts)
            .setSecret(secret);
    return SluiceCluster.join(options)
        .compose(
            cluster -> {
              SluiceClient client = cluster.client();
              return client
                  .subscribe("parcels", "shipping", message -> ship(message.body()))
                  .compose(subscription -> client.send("parcels", Buffer.buffer("an order")))
                  .map(cluster);
            });
  }

  private Future<Void> ship(Buffer order) {
    shipped.add(order.toString());
    return Future.succeededFuture();
  }

  // end of example

  private void subscribe(SluiceClient client) {
    Await.result(
        "the group's subscription",
        client.subscribe(
            "orders",
            "billing",
            message -> {
              handled.add(message.body().toString());
              return Future.succeededFuture();
            }));
    Await.result(
        "the reader's subscription",
        client.subscribe(
            "orders",
            null,
            new SubscribeOptions().setMode(SubscribeOptions.Mode.READER),
            message -> {
              read.add(message.body().toString());
              return Future.succeededFuture();
            }));
  }

  /** Sends until a Broker takes it, as an application would: what may be tried again. */
  private String sendUntilTaken(SluiceClient client) {
    String[] broker = new String[1];
    Await.until(
        "a send is taken",
        () -> {
          String body = "order-" + next++;
          try {
            SendReceipt receipt = Await.result(body, client.send("orders", Buffer.buffer(body)));
            acked.add(body);
            broker[0] = receipt.brokerName();
            return true;
          } catch (SluiceException e) {
            assertTrue(e.code().retryable(), e::toString);
            return false;
          }
        });
    return broker[0];
  }

  private void awaitAll() {
    Await.until(
        () -> acked + " were acked, handled " + handled + ", read " + read,
        () -> handled.containsAll(acked) && read.containsAll(acked));
  }
}
