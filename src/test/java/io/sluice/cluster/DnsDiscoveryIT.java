package io.sluice.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.DnsServer;
import io.sluice.testkit.LogLines;
import io.vertx.core.Future;
import io.vertx.core.VertxOptions;
import io.vertx.core.eventbus.DeliveryOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Members that know of each other a name in the DNS and nothing else, as in Kubernetes. */
class DnsDiscoveryIT {

  private static final String NAME = "sluice.default.svc.cluster.local";
  private static final DeliveryOptions SHORT = new DeliveryOptions().setSendTimeout(1_000);

  private final String subnet = "127." + ThreadLocalRandom.current().nextInt(10, 250) + ".6.";
  private final List<Cluster> members = new ArrayList<>();

  @AfterEach
  void leave() {
    members.forEach(member -> Await.result("the end of a member", member.vertx().close()));
  }

  @Test
  void shouldFindAllMembersByOneName() throws Exception {
    try (DnsServer dns = new DnsServer()) {
      dns.put(NAME, List.of(subnet + 1, subnet + 2, subnet + 3));
      joinAll(dns, 3);
      awaitMembers(3);
      assertTrue(dns.asked() >= 3, dns::toString);
      for (int i = 0; i < 3; i++) {
        String address = "member-" + i;
        members.get(i).vertx().eventBus().<String>consumer(address, ask -> ask.reply(address));
      }
      for (Cluster from : members) {
        for (int to = 0; to < 3; to++) {
          String address = "member-" + to;
          Await.until(address + " is reached", () -> address.equals(ask(from, address)));
        }
      }
    }
  }

  @Test
  void shouldSayThatANameHasNoAddressAndFindTheOthersOnceItHas() throws Exception {
    try (DnsServer dns = new DnsServer();
        LogLines log = new LogLines(DnsHosts.class)) {
      joinAll(dns, 2);
      assertEquals(List.of(1, 1), members.stream().map(each -> each.members().size()).toList());
      assertEquals(2, lines(log, "WARNING", NAME), "once for each: " + log.lines());

      dns.put(NAME, List.of(subnet + 1, subnet + 2));
      awaitMembers(2);
      assertTrue(lines(log, "INFO", subnet + 1) >= 1, log.lines()::toString);
    }
  }

  @Test
  void shouldAskTheMachinesResolverWhereNoServerIsNamed() {
    // A name that every machine knows: the address itself.
    join(1, "dns:" + subnet + 1);
    join(2, "dns:" + subnet + 1);
    awaitMembers(2);
  }

  private static long lines(LogLines log, String level, String part) {
    return log.lines().stream()
        .filter(line -> line.startsWith(level) && line.contains(part))
        .count();
  }

  private void joinAll(DnsServer dns, int count) {
    List<Future<Cluster>> joins = new ArrayList<>();
    for (int i = 1; i <= count; i++) {
      joins.add(begin(i, "dns:" + NAME + "@" + dns.address()));
    }
    joins.forEach(join -> members.add(Await.result("a join", join)));
  }

  private void join(int number, String hosts) {
    members.add(Await.result("a join", begin(number, hosts)));
  }

  private Future<Cluster> begin(int number, String hosts) {
    ClusterOptions options =
        new ClusterOptions().setName(subnet).setHost(subnet + number).setHosts(hosts);
    return Cluster.join(options, new VertxOptions(), (nodeId, joined) -> {});
  }

  private void awaitMembers(int count) {
    Await.until(
        () -> "members: " + members.stream().map(Cluster::members).toList(),
        () -> members.stream().allMatch(each -> each.members().size() == count));
  }

  private static String ask(Cluster from, String address) {
    return Await.result(
        "an answer or a failure",
        from.vertx()
            .eventBus()
            .<String>request(address, "", SHORT)
            .map(reply -> reply.body())
            .otherwise(""));
  }
}
