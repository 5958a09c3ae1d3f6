package io.sluice.replication;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

/**
 * What a Broker of RocketMQ says of itself.
 *
 * <p>Source: Apache RocketMQ 5.5.0, AdminBrokerProcessor (getBrokerConfig, prepareRuntimeInfo) and
 * DefaultMessageStore (getRuntimeInfo).
 *
 * @param configuration all its keys
 * @param begin first byte of its log
 * @param end behind the last one
 */
record RocketMqInfo(Properties configuration, long begin, long end) {

  /** RocketMQ's bit of a permission that lets producers send. */
  private static final int WRITE = 2;

  static RocketMqInfo of(byte[] configuration, byte[] runtime) throws IOException {
    Properties keys = new Properties();
    keys.load(new StringReader(new String(configuration, StandardCharsets.UTF_8)));
    JsonObject table = new JsonObject(Buffer.buffer(runtime)).getJsonObject("table");
    return new RocketMqInfo(
        keys, number(table, "commitLogMinOffset"), number(table, "commitLogMaxOffset"));
  }

  private static long number(JsonObject table, String name) {
    String value = table.getString(name);
    if (value == null) {
      throw new IllegalArgumentException("the master does not say its " + name);
    }
    return Math.max(0, Long.parseLong(value));
  }

  /** Whether it takes what producers send, as far as NameServers tell them. */
  boolean writable() {
    return (Integer.parseInt(text("brokerPermission", "6")) & WRITE) != 0;
  }

  int haPort() {
    return Integer.parseInt(text("haListenPort", "10912"));
  }

  String brokerName() {
    return text("brokerName", "");
  }

  /**
   * Why it can not be followed.
   *
   * @return null if it can be
   */
  String trouble(ReplicationOptions own) {
    if (!brokerName().equals(own.brokerName())) {
      return "its brokerName is '"
          + brokerName()
          + "', this Broker's is '"
          + own.brokerName()
          + "'; clients know queues by that name: set broker.name to it";
    }
    long segmentBytes = Long.parseLong(text("mappedFileSizeCommitLog", "1073741824"));
    if (segmentBytes != own.store().segmentBytes()) {
      return "its mappedFileSizeCommitLog is "
          + segmentBytes
          + ", this Broker's segments have "
          + own.store().segmentBytes()
          + " bytes; set store.segment to it, and begin with an empty directory";
    }
    if (!text("brokerId", "0").equals("0")) {
      return "its brokerId is " + text("brokerId", "0") + ": it is a slave itself; name the master";
    }
    for (String key : new String[] {"enableDLegerCommitLog", "enableControllerMode"}) {
      if (Boolean.parseBoolean(text(key, "false"))) {
        return "it runs with " + key + ", where masters speak another protocol to their slaves";
      }
    }
    return null;
  }

  private String text(String key, String otherwise) {
    return configuration.getProperty(key, otherwise).trim();
  }
}
