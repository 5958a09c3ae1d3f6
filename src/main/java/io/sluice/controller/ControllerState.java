package io.sluice.controller;

import io.sluice.controller.Command.Change;
import io.sluice.controller.Command.Elect;
import io.sluice.controller.Command.Join;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the controllers agree on: a state machine that knows neither time nor chance, so that the
 * same log makes the same state everywhere.
 *
 * <p>One thread applies; {@link #groups} may be read by any, and is a snapshot.
 */
final class ControllerState {

  /** More are not taken: a bound for what strangers may make it remember. */
  static final int MAX_GROUPS = 10_000;

  static final int MAX_NODES = 64;

  private volatile SortedMap<String, BrokerGroup> groups = new TreeMap<>();

  /** All that is agreed, by BrokerName; unchangeable. */
  Map<String, BrokerGroup> groups() {
    return groups;
  }

  /** What is agreed of a BrokerName; an empty group if nothing is. */
  BrokerGroup group(String name) {
    BrokerGroup group = groups.get(name);
    return group == null ? BrokerGroup.empty(name) : group;
  }

  /**
   * Carries a command out.
   *
   * @return whether it did what it says; it did not where that was decided on what is so no more
   */
  boolean apply(Command command) {
    if (command instanceof Join join) {
      return join(join);
    }
    if (command instanceof Elect elect) {
      return elect(elect);
    }
    return !(command instanceof Change change) || change(change);
  }

  private boolean join(Join join) {
    BrokerGroup group = group(join.name());
    long number = group.numberOf(join.node().identity());
    if (number == 0) {
      boolean full = !groups.containsKey(join.name()) && groups.size() >= MAX_GROUPS;
      if (full || group.nodes().size() >= MAX_NODES) {
        return false;
      }
      long next = group.nodes().isEmpty() ? 1 : group.nodes().lastKey() + 1;
      put(group.withNode(next, join.node()));
      return true;
    }
    BrokerGroup.Node before = group.nodes().get(number);
    BrokerGroup joined = group.withNode(number, join.node());
    boolean lostMemory = !before.boot().equals(join.node().boot());
    if (lostMemory && number != group.master() && group.inSync().contains(number)) {
      // Its machine was started anew: what it had received and not forced may be gone.
      TreeSet<Long> rest = new TreeSet<>(group.inSync());
      rest.remove(number);
      joined = joined.withInSync(rest);
    }
    put(joined);
    return true;
  }

  private boolean elect(Elect elect) {
    BrokerGroup group = group(elect.name());
    boolean known = group.nodes().containsKey(elect.node());
    boolean first = group.epoch() == 0;
    boolean allowed = first || elect.unclean() || group.inSync().contains(elect.node());
    if (elect.after() != group.epoch() || elect.epoch() <= group.epoch() || !known || !allowed) {
      return false;
    }
    TreeSet<Long> set = new TreeSet<>();
    if (!elect.unclean()) {
      // They have all that was confirmed too; the new master waits for them or asks to leave them
      // out.
      set.addAll(group.inSync());
      set.remove(group.master());
    }
    set.add(elect.node());
    put(group.elected(elect.epoch(), elect.node(), elect.incarnation(), set));
    return true;
  }

  private boolean change(Change change) {
    BrokerGroup group = group(change.name());
    if (change.epoch() != group.epoch()
        || change.version() != group.version()
        || !change.inSync().contains(group.master())
        || !group.nodes().keySet().containsAll(change.inSync())) {
      return false;
    }
    put(group.withInSync(change.inSync()));
    return true;
  }

  private void put(BrokerGroup group) {
    TreeMap<String, BrokerGroup> next = new TreeMap<>(groups);
    next.put(group.name(), group);
    groups = java.util.Collections.unmodifiableSortedMap(next);
  }

  /** All of it, for a snapshot. */
  byte[] encode() {
    JsonArray all = new JsonArray();
    groups.values().forEach(group -> all.add(group.toJson()));
    return new JsonObject().put("version", 1).put("groups", all).toBuffer().getBytes();
  }

  /** Takes the place of what there was. */
  void decode(byte[] bytes) {
    JsonObject json = new JsonObject(Buffer.buffer(bytes));
    TreeMap<String, BrokerGroup> next = new TreeMap<>();
    JsonArray all = json.getJsonArray("groups");
    for (int i = 0; i < all.size(); i++) {
      BrokerGroup group = BrokerGroup.fromJson(all.getJsonObject(i));
      next.put(group.name(), group);
    }
    groups = java.util.Collections.unmodifiableSortedMap(next);
  }
}
