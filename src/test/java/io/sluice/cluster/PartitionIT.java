package io.sluice.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.testkit.Await;
import io.vertx.core.VertxOptions;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.EventBus;
import java.util.concurrent.ThreadLocalRandom;
import org.jgroups.protocols.DISCARD;
import org.jgroups.protocols.TP;
import org.jgroups.stack.ProtocolStack;
import org.junit.jupiter.api.Test;

/**
 * Goal: after a partition heals each member reaches each address again, without a restart
 * (eclipse-vertx/vert.x#4394). Method: two members in this JVM; the messages of the membership of
 * one are thrown away until both have given each other up, then they flow again.
 */
class PartitionIT {

  private static final DeliveryOptions SHORT = new DeliveryOptions().setSendTimeout(1_000);

  @Test
  void shouldReachEveryAddressAfterAPartitionHeals() throws Exception {
    int port = ThreadLocalRandom.current().nextInt(2_000, 3_000) * 10;
    String hosts = "127.0.0.1:" + port + ",127.0.0.1:" + (port + 5);
    Cluster one = join(port, hosts);
    Cluster two = join(port + 5, hosts);
    try {
      listen(one, "one");
      listen(two, "two");
      Await.until("both are members", () -> one.members().size() == 2 && two.members().size() == 2);
      Await.until("they reach each other", () -> reaches(one, "two") && reaches(two, "one"));

      DISCARD cut = new DISCARD().discardAll(true);
      two.infinispan()
          .channel()
          .getProtocolStack()
          .insertProtocol(cut, ProtocolStack.Position.ABOVE, TP.class);
      Await.until(
          "each gives the other up", () -> one.members().size() == 1 && two.members().size() == 1);
      Await.until("nobody is there", () -> !reaches(one, "two") && !reaches(two, "one"));
      // What is subscribed on either side meanwhile must be found as well.
      listen(one, "one-new");
      listen(two, "two-new");

      cut.discardAll(false);
      Await.until("both are members", () -> one.members().size() == 2 && two.members().size() == 2);
      Await.until(
          "they reach each other again",
          () ->
              reaches(one, "two")
                  && reaches(two, "one")
                  && reaches(one, "two-new")
                  && reaches(two, "one-new"));
      for (int i = 0; i < 20; i++) {
        assertEquals(true, reaches(one, "two") && reaches(two, "one"), "still, at try " + i);
      }
    } finally {
      Await.result("the end of one", one.vertx().close());
      Await.result("the end of two", two.vertx().close());
    }
  }

  private static Cluster join(int port, String hosts) {
    ClusterOptions options = new ClusterOptions().setName("partition-" + hosts);
    options.setPort(port).setHosts(hosts);
    return Await.result(
        "the join", Cluster.join(options, new VertxOptions(), (nodeId, joined) -> {}));
  }

  private static void listen(Cluster member, String address) {
    EventBus bus = member.vertx().eventBus();
    Await.result(
        "the subscription",
        bus.<String>consumer(address, message -> message.reply(address)).completion());
  }

  private static boolean reaches(Cluster from, String address) {
    return Await.result(
        "an answer or a failure",
        from.vertx()
            .eventBus()
            .<String>request(address, "", SHORT)
            .map(reply -> reply.body().equals(address))
            .otherwise(false));
  }
}
