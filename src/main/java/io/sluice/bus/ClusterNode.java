package io.sluice.bus;

import io.vertx.core.Vertx;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;
import io.vertx.core.shareddata.LocalMap;

/**
 * The name of this process in the cluster, and how it tells another that a message is its own: so a
 * NameServer knows which Brokers are gone when a process is. And the name by which a slave that
 * runs in this process is asked: in a cluster that of the Broker is the master's.
 */
public final class ClusterNode {

  private static final String HEADER = "sluice-node";
  private static final String KEY = "id";
  private static final String SLAVE = "slave ";

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

  /** The name of a slave on the event bus of a cluster. */
  public static String slaveName(String brokerName, long brokerId) {
    return brokerName + '/' + brokerId;
  }

  /** Notes that a slave of this process is asked by another name than its Broker's. */
  public static void putSlave(Vertx vertx, String brokerName, String name) {
    map(vertx).put(SLAVE + brokerName, name);
  }

  /** No slave runs here any more. */
  public static void removeSlave(Vertx vertx, String brokerName) {
    map(vertx).remove(SLAVE + brokerName);
  }

  /** By which name the Broker of this process is asked: as a slave in a cluster by its own. */
  public static String ownName(Vertx vertx, String brokerName) {
    return map(vertx).getOrDefault(SLAVE + brokerName, brokerName);
  }

  private static LocalMap<String, String> map(Vertx vertx) {
    return vertx.sharedData().getLocalMap("sluice.cluster");
  }
}
