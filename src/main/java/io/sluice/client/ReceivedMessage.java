package io.sluice.client;

import io.sluice.bus.ReplyTo;
import io.sluice.bus.SettleRequest;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.sluice.message.PropertyNames;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A message that was handed out. A copy of its own: valid as long as it is referred to. Settled by
 * the handler's future, or at any time by the methods here, whichever comes first; messages of
 * readers and broadcasts need no settlement. Safe for any thread.
 */
public final class ReceivedMessage {

  /** Takes what is decided about a message. */
  interface Settlement {
    void settle(ReceivedMessage message, SettleRequest.Kind kind, long durationMs, String reason);
  }

  private static final char[] HEX = "0123456789ABCDEF".toCharArray();

  private final String brokerName;
  private final String topic;
  private final int queueId;
  private final long queueOffset;
  private final long bornAtMs;
  private final long storedAtMs;
  private final Buffer body;
  private final String contentEncoding;
  private final Map<String, String> properties = new LinkedHashMap<>();
  private final String offsetId;
  private final long lease;
  private final int attempt;
  private final Settlement settlement;

  // Owned by the client's context.
  private boolean settled;
  private Promise<Void> whenSettled;

  ReceivedMessage(
      String brokerName,
      String topic,
      MessageView view,
      long lease,
      int attempt,
      Settlement settlement) {
    this.brokerName = brokerName;
    // That of the subscription: what was redriven is stored in another one.
    this.topic = topic;
    this.lease = lease;
    this.attempt = attempt;
    this.settlement = settlement;
    queueId = view.queueId();
    queueOffset = view.queueOffset();
    bornAtMs = view.bornAtMs();
    storedAtMs = view.storedAtMs();
    body = Buffer.buffer(view.body());
    contentEncoding = PlainBodies.contentEncoding(view);
    view.forEachProperty(properties::put);
    offsetId = properties.containsKey(PropertyNames.UNIQUE_KEY) ? null : offsetId(view);
  }

  public String brokerName() {
    return brokerName;
  }

  public String topic() {
    return topic;
  }

  public int queueId() {
    return queueId;
  }

  public long queueOffset() {
    return queueOffset;
  }

  /** Its unique id, or its offset id if it was sent without one. */
  public String messageId() {
    return offsetId == null ? properties.get(PropertyNames.UNIQUE_KEY) : offsetId;
  }

  public Buffer body() {
    return body;
  }

  /**
   * How the body is compressed: "zlib", "lz4" or "zstd" if a client of RocketMQ compressed it and
   * it could not be made plain here; else null. What they compress by zlib, as they do by default,
   * is plain.
   */
  public String contentEncoding() {
    return contentEncoding;
  }

  /** The tag, or null. */
  public String tag() {
    return properties.get(PropertyNames.TAGS);
  }

  public List<String> keys() {
    String keys = properties.get(PropertyNames.KEYS);
    return keys == null ? List.of() : List.of(keys.split(" "));
  }

  /** The ordering key, or null. */
  public String orderingKey() {
    return properties.get(PropertyNames.ORDERING_KEY);
  }

  /** The content type, or null. */
  public String contentType() {
    return properties.get(PropertyNames.CONTENT_TYPE);
  }

  /** Where a reply goes, if the sender waits for one; else null. See {@link SluiceClient#reply}. */
  public String replyTo() {
    String requester = properties.get(PropertyNames.REPLY_TO_CLIENT);
    String correlationId = properties.get(PropertyNames.CORRELATION_ID);
    return requester == null || correlationId == null
        ? null
        : new ReplyTo(requester, correlationId).toText();
  }

  /** All properties, those with a meaning to the server too. */
  public Map<String, String> properties() {
    return Collections.unmodifiableMap(properties);
  }

  /** When it was sent, in ms since the epoch by the sender's clock. */
  public long bornAtMs() {
    return bornAtMs;
  }

  /** When it was stored, in ms since the epoch. */
  public long storedAtMs() {
    return storedAtMs;
  }

  /** How often it has been handed out to the group, this time included; 1 for readers. */
  public int attempt() {
    return attempt;
  }

  /** Done: it never comes again. */
  public void ack() {
    settle(SettleRequest.Kind.ACK, 0, null);
  }

  /** Failed: it comes again after the group's retry delay. */
  public void nack() {
    settle(SettleRequest.Kind.NACK, SettleRequest.DELAY_OF_GROUP, null);
  }

  /** Failed: it comes again after this delay. */
  public void nack(Duration delay) {
    settle(SettleRequest.Kind.NACK, Math.max(0, delay.toMillis()), null);
  }

  /** Hopeless: it goes to the group's dead letters. */
  public void dead(String reason) {
    settle(SettleRequest.Kind.DEAD, 0, reason);
  }

  /** Still at it: it is kept from others for so long from now. Does not settle it. */
  public void extend(Duration invisible) {
    settle(SettleRequest.Kind.EXTEND, invisible.toMillis(), null);
  }

  long lease() {
    return lease;
  }

  /** Completes the promise once the message is settled; at once if that is not needed. */
  void whenSettled(Promise<Void> promise) {
    if (settled || lease == 0) {
      promise.tryComplete();
    } else {
      whenSettled = promise;
    }
  }

  /**
   * Notes a decision.
   *
   * @return whether it counts: not if it was settled before
   */
  boolean decide(SettleRequest.Kind kind) {
    if (settled) {
      return false;
    }
    if (kind != SettleRequest.Kind.EXTEND) {
      settled = true;
      if (whenSettled != null) {
        whenSettled.tryComplete();
      }
    }
    return true;
  }

  private void settle(SettleRequest.Kind kind, long durationMs, String reason) {
    settlement.settle(this, kind, durationMs, reason);
  }

  /** RocketMQ's server id: store host and physical offset in hex. */
  private static String offsetId(MessageView view) {
    int hostAt = view.position() + MessageLayout.storeHost(view.sysFlag());
    int hostBytes = MessageLayout.storeHostBytes(view.sysFlag());
    StringBuilder id = new StringBuilder(2 * (hostBytes + 8));
    for (int i = 0; i < hostBytes; i++) {
      appendHex(id, view.buffer().get(hostAt + i));
    }
    for (int shift = 56; shift >= 0; shift -= 8) {
      appendHex(id, (byte) (view.physicalOffset() >>> shift));
    }
    return id.toString();
  }

  private static void appendHex(StringBuilder to, byte value) {
    to.append(HEX[value >> 4 & 0xf]).append(HEX[value & 0xf]);
  }
}
