package io.sluice.bus;

import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.shareddata.LocalMap;

/**
 * The name of this process in the cluster, and how it tells another that a message is its own: so a
 * NameServer knows which Brokers are gone when a process is.
 */
public final class ClusterNode {

  private static final String HEADER = "sluice-node";
  private static final String KEY = "id";

  private ClusterNode() {}

  /** Notes the name, once the process has joined. */
  public static void set(Vertx vertx, String nodeId) {
    map(vertx).put(KEY, nodeId);
  }

  /** Puts the name to a message; nothing in a process that is in no cluster. */
  public static DeliveryOptions sign(Vertx vertx, DeliveryOptions options) {
    String nodeId = map(vertx).get(KEY);
    return nodeId == null ? options : options.addHeader(HEADER, nodeId);
  }

  /** The process that signed, or null. */
  public static String of(Message<?> message) {
    return message.headers().get(HEADER);
  }

  private static LocalMap<String, String> map(Vertx vertx) {
    return vertx.sharedData().getLocalMap("sluice.cluster");
  }
}
