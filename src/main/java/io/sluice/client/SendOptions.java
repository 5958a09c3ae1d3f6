package io.sluice.client;

import io.sluice.bus.AckLevel;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How a message is sent; each has a default. Not to be changed while a send uses it. */
public final class SendOptions {

  /** Nothing is lost when the machine dies. */
  public static final AckLevel DEFAULT_ACK = AckLevel.DISK;

  private AckLevel ack = DEFAULT_ACK;
  private String tag;
  private final List<String> keys = new ArrayList<>();
  private String orderingKey;
  private String contentType;
  private Duration delay;
  private Instant deliverAt;
  private String idempotencyKey;
  private Duration ttl;
  private final Map<String, String> properties = new LinkedHashMap<>();

  /** The defaults. */
  public SendOptions() {}

  /** A copy. */
  public SendOptions(SendOptions other) {
    ack = other.ack;
    tag = other.tag;
    keys.addAll(other.keys);
    orderingKey = other.orderingKey;
    contentType = other.contentType;
    delay = other.delay;
    deliverAt = other.deliverAt;
    idempotencyKey = other.idempotencyKey;
    ttl = other.ttl;
    properties.putAll(other.properties);
  }

  public AckLevel getAck() {
    return ack;
  }

  /** Sets what must have happened before the send succeeds. */
  public SendOptions setAck(AckLevel ack) {
    this.ack = ack;
    return this;
  }

  public String getTag() {
    return tag;
  }

  /** Sets the tag that consumers can filter by; null for none. */
  public SendOptions setTag(String tag) {
    this.tag = tag;
    return this;
  }

  public List<String> getKeys() {
    return keys;
  }

  /**
   * Adds a key to find the message by.
   *
   * @param key without blanks
   */
  public SendOptions addKey(String key) {
    if (key == null || key.isEmpty() || key.indexOf(' ') >= 0) {
      throw new IllegalArgumentException(
          "found the key '" + key + "', allowed is a text without blanks");
    }
    keys.add(key);
    return this;
  }

  public String getOrderingKey() {
    return orderingKey;
  }

  /** Sets the key whose messages all go to one queue, in order; null for none. */
  public SendOptions setOrderingKey(String orderingKey) {
    this.orderingKey = orderingKey;
    return this;
  }

  public String getContentType() {
    return contentType;
  }

  /** Sets the content type that is given back at delivery; null for none. */
  public SendOptions setContentType(String contentType) {
    this.contentType = contentType;
    return this;
  }

  public String getIdempotencyKey() {
    return idempotencyKey;
  }

  /**
   * Sets the key by which a repeat of this send is recognised: within the topic's window it stores
   * nothing and is answered as the first one was. Null for none.
   */
  public SendOptions setIdempotencyKey(String idempotencyKey) {
    this.idempotencyKey = idempotencyKey;
    return this;
  }

  public Duration getTtl() {
    return ttl;
  }

  /**
   * Sets how long the message may wait for a consumer, from when it is in its topic; null for any
   * time. Who takes it later does not get it.
   */
  public SendOptions setTtl(Duration ttl) {
    if (ttl != null && ttl.toMillis() < 1) {
      throw new IllegalArgumentException(
          "found the time to live " + ttl + ", allowed is 1 ms or more");
    }
    this.ttl = ttl;
    return this;
  }

  /** The time to live in ms, as it stands in the message; or null. */
  String ttlText() {
    return ttl == null ? null : Long.toString(ttl.toMillis());
  }

  public Duration getDelay() {
    return delay;
  }

  /** Sets how long after the send the message is delivered; null for at once. */
  public SendOptions setDelay(Duration delay) {
    if (delay != null && delay.isNegative()) {
      throw new IllegalArgumentException("found the delay " + delay + ", allowed is 0 or more");
    }
    this.delay = delay;
    deliverAt = null;
    return this;
  }

  public Instant getDeliverAt() {
    return deliverAt;
  }

  /** Sets when the message is delivered; null, or a time that has passed, for at once. */
  public SendOptions setDeliverAt(Instant deliverAt) {
    this.deliverAt = deliverAt;
    delay = null;
    return this;
  }

  /** When a message is due that is sent now, or 0 for at once. */
  long dueAtMs(long nowMs) {
    long dueAtMs =
        deliverAt != null
            ? deliverAt.toEpochMilli()
            : delay != null ? Math.addExact(nowMs, delay.toMillis()) : 0;
    return dueAtMs > nowMs ? dueAtMs : 0;
  }

  public Map<String, String> getProperties() {
    return properties;
  }

  /** Adds a property. */
  public SendOptions putProperty(String name, String value) {
    properties.put(name, value);
    return this;
  }
}
