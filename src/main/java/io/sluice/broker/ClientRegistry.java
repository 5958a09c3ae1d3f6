package io.sluice.broker;

import io.sluice.bus.ClientKept.Heartbeat;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ClientKept.Membership;
import io.sluice.bus.ClientKept.Subscription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which clients live and what they are part of: RocketMQ's producers and consumers, by the
 * connection they were last heard on. In memory only; after a restart the clients tell again within
 * 30 seconds. Methods that change something say which consumer groups must be told. Owned by the
 * Broker's event loop.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, ConsumerManager, ConsumerGroupInfo,
 * ProducerManager.
 */
final class ClientRegistry {

  /** RocketMQ's {@code channelExpiredTimeout}: three heartbeats may be lost. */
  static final long EXPIRY_MS = 120_000;

  private final Map<String, Client> clients = new HashMap<>();
  private final Map<String, Set<Client>> byClientId = new HashMap<>();
  private final Map<String, ConsumerGroup> consumerGroups = new HashMap<>();
  private final Map<String, Map<String, Client>> producerGroups = new HashMap<>();

  /** One connection and what its client is part of. */
  private static final class Client {
    private Member member;
    private long lastSeenMs;
    private final Set<String> consumerGroups = new HashSet<>();
    private final Set<String> producerGroups = new HashSet<>();
  }

  /** Those who consume together. The settings are those heard last. */
  private static final class ConsumerGroup {
    private Membership settings;
    private final Map<String, Subscription> subscriptions = new LinkedHashMap<>();
    private final Map<String, Client> clients = new LinkedHashMap<>();

    private boolean isBroadcast() {
      return settings.messageModel().equals("BROADCASTING");
    }
  }

  /** Takes a heartbeat; the consumer groups to tell. */
  Set<String> heartbeat(Heartbeat heartbeat, long nowMs) {
    String holder = heartbeat.client().holder();
    Client client = clients.computeIfAbsent(holder, name -> new Client());
    forgetId(client);
    client.member = heartbeat.client();
    client.lastSeenMs = nowMs;
    byClientId.computeIfAbsent(client.member.clientId(), id -> new HashSet<>(2)).add(client);
    Set<String> changed = new TreeSet<>();
    leaveUnnamed(client, heartbeat, changed);
    for (String group : heartbeat.producerGroups()) {
      client.producerGroups.add(group);
      producerGroups.computeIfAbsent(group, name -> new LinkedHashMap<>()).put(holder, client);
    }
    for (Membership membership : heartbeat.memberships()) {
      if (join(client, membership)) {
        changed.add(membership.group());
      }
    }
    return toTell(changed);
  }

  /** A client leaves groups by its own will; either may be null. */
  Set<String> unregister(String holder, String producerGroup, String consumerGroup) {
    Client client = clients.get(holder);
    if (client == null) {
      return Set.of();
    }
    Set<String> changed = new TreeSet<>();
    if (producerGroup != null) {
      leaveProducers(client, producerGroup);
    }
    if (consumerGroup != null && leaveConsumers(client, consumerGroup)) {
      changed.add(consumerGroup);
    }
    dropIfIdle(client);
    return toTell(changed);
  }

  /** A connection is gone. */
  Set<String> disconnect(String holder) {
    Client client = clients.get(holder);
    return client == null ? Set.of() : toTell(remove(client));
  }

  /** Forgets those who have been silent for {@link #EXPIRY_MS}. */
  Set<String> expire(long nowMs) {
    Set<String> changed = new TreeSet<>();
    for (Client client : List.copyOf(clients.values())) {
      if (nowMs - client.lastSeenMs > EXPIRY_MS) {
        changed.addAll(remove(client));
      }
    }
    return toTell(changed);
  }

  /** The settings of a group and what it subscribes to, or null if nobody consumes in it. */
  Membership settings(String group) {
    ConsumerGroup found = consumerGroups.get(group);
    if (found == null) {
      return null;
    }
    Membership settings = found.settings;
    return new Membership(
        settings.group(),
        settings.consumeType(),
        settings.messageModel(),
        settings.consumeFromWhere(),
        List.copyOf(found.subscriptions.values()));
  }

  /** Whether anybody consumes in the group. */
  boolean isOnline(String group) {
    return consumerGroups.containsKey(group);
  }

  /** Whether clients of the group share this topic's queues among themselves. */
  boolean shares(String group, String topic) {
    ConsumerGroup found = consumerGroups.get(group);
    return found != null && !found.isBroadcast() && found.subscriptions.containsKey(topic);
  }

  /** What a group wants of a topic, or null. */
  Subscription subscription(String group, String topic) {
    ConsumerGroup found = consumerGroups.get(group);
    return found == null ? null : found.subscriptions.get(topic);
  }

  /** Whether a group's clients each want everything. */
  boolean isBroadcast(String group) {
    ConsumerGroup found = consumerGroups.get(group);
    return found != null && found.isBroadcast();
  }

  /** Who consumes in a group, in the order they came. */
  List<Member> consumers(String group) {
    ConsumerGroup found = consumerGroups.get(group);
    return found == null ? List.of() : members(found.clients);
  }

  /** Who sends in a group, in the order they came. */
  List<Member> producers(String group) {
    return members(producerGroups.getOrDefault(group, Map.of()));
  }

  /** The connections of a client that sends, the one heard last first. */
  List<Member> producersOf(String clientId) {
    List<Client> found = new ArrayList<>();
    for (Client client : byClientId.getOrDefault(clientId, Set.of())) {
      if (!client.producerGroups.isEmpty()) {
        found.add(client);
      }
    }
    found.sort((a, b) -> Long.compare(b.lastSeenMs, a.lastSeenMs));
    return found.stream().map(client -> client.member).toList();
  }

  /** Who sends, by group. */
  Map<String, List<Member>> producers() {
    Map<String, List<Member>> byGroup = new HashMap<>();
    producerGroups.forEach((group, members) -> byGroup.put(group, members(members)));
    return byGroup;
  }

  /** Adds the groups that subscribe to a topic. */
  void addGroupsOf(String topic, Set<String> groups) {
    consumerGroups.forEach(
        (name, group) -> {
          if (group.subscriptions.containsKey(topic)) {
            groups.add(name);
          }
        });
  }

  private static List<Member> members(Map<String, Client> clients) {
    List<Member> members = new ArrayList<>(clients.size());
    clients.values().forEach(client -> members.add(client.member));
    return members;
  }

  private void leaveUnnamed(Client client, Heartbeat heartbeat, Set<String> changed) {
    Set<String> named = new HashSet<>();
    heartbeat.memberships().forEach(membership -> named.add(membership.group()));
    for (String group : List.copyOf(client.consumerGroups)) {
      if (!named.contains(group) && leaveConsumers(client, group)) {
        changed.add(group);
      }
    }
    for (String group : List.copyOf(client.producerGroups)) {
      if (!heartbeat.producerGroups().contains(group)) {
        leaveProducers(client, group);
      }
    }
  }

  /** Whether the group's members or what it wants have changed. */
  private boolean join(Client client, Membership membership) {
    ConsumerGroup group =
        consumerGroups.computeIfAbsent(membership.group(), name -> new ConsumerGroup());
    group.settings = membership;
    boolean joined = group.clients.put(client.member.holder(), client) == null;
    client.consumerGroups.add(membership.group());
    return subscribe(group, membership.subscriptions()) || joined;
  }

  private static boolean subscribe(ConsumerGroup group, List<Subscription> wanted) {
    boolean changed = false;
    Set<String> topics = new HashSet<>();
    for (Subscription subscription : wanted) {
      topics.add(subscription.topic());
      Subscription known = group.subscriptions.get(subscription.topic());
      if (known == null) {
        changed = true;
      }
      if (known == null || subscription.version() > known.version()) {
        group.subscriptions.put(subscription.topic(), subscription);
      }
    }
    Iterator<String> known = group.subscriptions.keySet().iterator();
    while (known.hasNext()) {
      if (!topics.contains(known.next())) {
        known.remove();
        changed = true;
      }
    }
    return changed;
  }

  private Set<String> remove(Client client) {
    Set<String> changed = new TreeSet<>();
    for (String group : List.copyOf(client.consumerGroups)) {
      if (leaveConsumers(client, group)) {
        changed.add(group);
      }
    }
    for (String group : List.copyOf(client.producerGroups)) {
      leaveProducers(client, group);
    }
    clients.remove(client.member.holder());
    forgetId(client);
    return changed;
  }

  private boolean leaveConsumers(Client client, String name) {
    client.consumerGroups.remove(name);
    ConsumerGroup group = consumerGroups.get(name);
    if (group == null || group.clients.remove(client.member.holder()) == null) {
      return false;
    }
    if (group.clients.isEmpty()) {
      consumerGroups.remove(name);
    }
    return true;
  }

  private void leaveProducers(Client client, String name) {
    client.producerGroups.remove(name);
    Map<String, Client> group = producerGroups.get(name);
    if (group != null && group.remove(client.member.holder()) != null && group.isEmpty()) {
      producerGroups.remove(name);
    }
  }

  private void dropIfIdle(Client client) {
    if (client.consumerGroups.isEmpty() && client.producerGroups.isEmpty()) {
      clients.remove(client.member.holder());
      forgetId(client);
    }
  }

  private void forgetId(Client client) {
    Set<Client> same = client.member == null ? null : byClientId.get(client.member.clientId());
    if (same != null && same.remove(client) && same.isEmpty()) {
      byClientId.remove(client.member.clientId());
    }
  }

  /** In a broadcast everybody has all queues, so nobody needs to know of the others. */
  private Set<String> toTell(Set<String> changed) {
    changed.removeIf(
        name -> {
          ConsumerGroup group = consumerGroups.get(name);
          return group == null || group.isBroadcast();
        });
    return changed;
  }
}
