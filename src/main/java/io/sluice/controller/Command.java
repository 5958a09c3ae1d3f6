package io.sluice.controller;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * An entry of the controllers' log. Each says on what it was decided, so that it does nothing when
 * that is so no more: it may come late, twice, or from a leader that was replaced.
 */
sealed interface Command {

  /** Nothing: that it is in the log shows that its leader led when it was asked. */
  record Barrier() implements Command {}

  /** A node is there, with these addresses; a new one gets the next number. */
  record Join(String name, BrokerGroup.Node node) implements Command {}

  /**
   * A node becomes the master.
   *
   * @param after the epoch that ends by it; if that is over already, nothing happens
   * @param epoch of the new master, larger than all that any node has seen
   * @param unclean whether it may be outside of the in-sync set
   */
  record Elect(String name, long after, long epoch, long node, String incarnation, boolean unclean)
      implements Command {}

  /**
   * The master's wish for another in-sync set.
   *
   * @param version of the set that it changes
   */
  record Change(String name, long epoch, long version, SortedSet<Long> inSync) implements Command {}

  /** In the log, as JSON: few and small, and to be read by people in need. */
  default byte[] encode() {
    JsonObject json = new JsonObject();
    if (this instanceof Join join) {
      json.put("do", "join")
          .put("name", join.name)
          .put("identity", join.node.identity())
          .put("boot", join.node.boot())
          .put("replicationAt", join.node.replicationAt())
          .put("address", join.node.address());
    } else if (this instanceof Elect elect) {
      json.put("do", "elect")
          .put("name", elect.name)
          .put("after", elect.after)
          .put("epoch", elect.epoch)
          .put("node", elect.node)
          .put("incarnation", elect.incarnation)
          .put("unclean", elect.unclean);
    } else if (this instanceof Change change) {
      json.put("do", "change")
          .put("name", change.name)
          .put("epoch", change.epoch)
          .put("version", change.version)
          .put("inSync", new JsonArray(List.copyOf(change.inSync)));
    } else {
      json.put("do", "barrier");
    }
    return json.toBuffer().getBytes();
  }

  /** The opposite of {@link #encode}. */
  static Command decode(byte[] bytes) {
    JsonObject json = new JsonObject(Buffer.buffer(bytes));
    String name = json.getString("name");
    return switch (json.getString("do")) {
      case "barrier" -> new Barrier();
      case "join" ->
          new Join(
              name,
              new BrokerGroup.Node(
                  json.getString("identity"),
                  json.getString("boot"),
                  json.getString("replicationAt"),
                  json.getString("address")));
      case "elect" ->
          new Elect(
              name,
              json.getLong("after"),
              json.getLong("epoch"),
              json.getLong("node"),
              json.getString("incarnation"),
              json.getBoolean("unclean"));
      case "change" ->
          new Change(
              name,
              json.getLong("epoch"),
              json.getLong("version"),
              new TreeSet<>(BrokerGroup.longs(json.getJsonArray("inSync"))));
      default -> throw new IllegalArgumentException("not a command: " + json.encode());
    };
  }
}
