package io.sluice.broker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.ClientKept.Heartbeat;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ClientKept.Membership;
import io.sluice.bus.ClientKept.Queue;
import io.sluice.bus.ClientKept.Subscription;
import io.sluice.bus.Filter;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ClientRegistryTest {

  private static final long NOW = 1_000_000;

  private final ClientRegistry registry = new ClientRegistry();

  @Test
  void shouldTellTheGroupWhenSomebodyJoinsOrLeaves() {
    assertEquals(Set.of("G"), beat("f:1", "G", 1, "T"));
    assertEquals(Set.of("G"), beat("f:2", "G", 1, "T"));
    assertEquals(List.of("id-f:1", "id-f:2"), ids());
    assertEquals(Set.of("G"), registry.disconnect("f:1"));
    assertEquals(List.of("id-f:2"), ids());
  }

  @Test
  void shouldTellNobodyOfAHeartbeatThatChangesNothing() {
    beat("f:1", "G", 1, "T");
    assertEquals(Set.of(), beat("f:1", "G", 1, "T"));
    assertEquals(Set.of(), beat("f:1", "G", 2, "T"));
    assertEquals(2, registry.subscription("G", "T").version());
  }

  @Test
  void shouldKeepTheNewestSubscriptionAndDropTopicsNotNamed() {
    beat("f:1", "G", 5, "T", "U");
    beat("f:1", "G", 4, "T", "U");
    assertEquals(5, registry.subscription("G", "T").version());
    assertEquals(Set.of("G"), beat("f:1", "G", 5, "T"));
    assertNull(registry.subscription("G", "U"));
  }

  @Test
  void shouldTellNobodyOfABroadcastGroup() {
    assertEquals(Set.of(), registry.heartbeat(heartbeat("f:1", "G", "BROADCASTING", 1, "T"), NOW));
    assertEquals(Set.of(), registry.heartbeat(heartbeat("f:2", "G", "BROADCASTING", 1, "T"), NOW));
    assertFalse(registry.shares("G", "T"));
  }

  @Test
  void shouldForgetAGroupWithItsLastClient() {
    beat("f:1", "G", 1, "T");
    assertTrue(registry.shares("G", "T"));
    assertEquals(Set.of(), registry.unregister("f:1", null, "G"));
    assertFalse(registry.isOnline("G"));
    assertNull(registry.settings("G"));
  }

  @Test
  void shouldForgetTheSilent() {
    beat("f:1", "G", 1, "T");
    registry.heartbeat(heartbeat("f:2", "G", "CLUSTERING", 1, "T"), NOW + 60_000);
    assertEquals(Set.of(), registry.expire(NOW + ClientRegistry.EXPIRY_MS));
    assertEquals(Set.of("G"), registry.expire(NOW + ClientRegistry.EXPIRY_MS + 1));
    assertEquals(List.of("id-f:2"), ids());
  }

  @Test
  void shouldTakeAGroupNotNamedAnyMoreAsLeft() {
    beat("f:1", "G", 1, "T");
    beat("f:2", "G", 1, "T");
    Heartbeat without = new Heartbeat(member("f:1"), List.of("P"), List.of());
    assertEquals(Set.of("G"), registry.heartbeat(without, NOW));
    assertEquals(List.of("id-f:2"), ids());
    assertEquals(1, registry.producers("P").size());
    registry.unregister("f:1", "P", null);
    assertEquals(List.of(), registry.producers("P"));
  }

  @Test
  void shouldLockAQueueForOneClientUntilItIsUnlockedOrExpired() {
    QueueLocks locks = new QueueLocks();
    Queue first = new Queue("T", 0);
    Queue second = new Queue("T", 1);
    assertEquals(List.of(first), locks.lock("G", "a", List.of(first), NOW));
    assertEquals(List.of(second), locks.lock("G", "b", List.of(first, second), NOW));
    assertEquals(List.of(first), locks.lock("other", "b", List.of(first), NOW));
    locks.unlock("G", "b", List.of(first));
    assertEquals(List.of(), locks.lock("G", "b", List.of(first), NOW));
    assertEquals(List.of(first), locks.lock("G", "a", List.of(first), NOW + 60_000));
    assertEquals(List.of(), locks.lock("G", "b", List.of(first), NOW + 120_000));
    assertEquals(List.of(first), locks.lock("G", "b", List.of(first), NOW + 120_001));
    locks.unlock("G", "b", List.of(first, second));
    assertFalse(locks.isHeld("G", NOW + 120_001));
  }

  private Set<String> beat(String holder, String group, long version, String... topics) {
    return registry.heartbeat(heartbeat(holder, group, "CLUSTERING", version, topics), NOW);
  }

  private List<String> ids() {
    return registry.consumers("G").stream().map(Member::clientId).toList();
  }

  private static Member member(String holder) {
    return new Member("id-" + holder, holder, "10.0.0.1:1", "JAVA", 513);
  }

  private static Heartbeat heartbeat(
      String holder, String group, String model, long version, String... topics) {
    List<Subscription> subscriptions =
        java.util.Arrays.stream(topics)
            .map(topic -> new Subscription(topic, Filter.ALL, version))
            .toList();
    return new Heartbeat(
        member(holder),
        List.of(),
        List.of(
            new Membership(
                group, "CONSUME_PASSIVELY", model, "CONSUME_FROM_LAST_OFFSET", subscriptions)));
  }
}
