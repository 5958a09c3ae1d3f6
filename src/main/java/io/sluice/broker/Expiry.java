package io.sluice.broker;

import io.sluice.message.MessageView;
import io.sluice.message.PropertyNames;
import io.sluice.message.TagsCode;

/**
 * Which messages of a topic have waited too long, at one moment. A message may say how long it
 * waits, a topic too; the shorter time counts, from when the message was stored: a delayed one from
 * its delivery. Reusable by {@link #at}; for one thread.
 */
final class Expiry {

  private long topicTtlMs;
  private long nowMs;
  private boolean off = true;

  /** Looks at messages of a topic now. */
  Expiry at(TopicState topic, long now) {
    off = !topic.mayExpire;
    topicTtlMs = topic.ttlMs;
    nowMs = now;
    return this;
  }

  /** Takes none as expired. */
  void off() {
    off = true;
  }

  /** Whether every message of the topic may expire. */
  boolean looksAtAll() {
    return !off && topicTtlMs > 0;
  }

  /** Whether the message of an entry may have expired, so that it has to be looked at. */
  boolean mayBe(long tagsCode) {
    return !off && (topicTtlMs > 0 || TagsCode.expires(tagsCode));
  }

  /** Whether a message has expired. Reads its properties at most. */
  boolean isExpired(MessageView message) {
    long waitedMs = nowMs - message.storedAtMs();
    return topicTtlMs > 0 && waitedMs >= topicTtlMs || waitedMs >= ttlMs(message);
  }

  private static long ttlMs(MessageView message) {
    String ttl = message.property(PropertyNames.TTL_MS);
    try {
      return ttl == null ? Long.MAX_VALUE : Long.parseLong(ttl);
    } catch (NumberFormatException e) {
      // A client of another kind may write there what it likes: that says nothing.
      return Long.MAX_VALUE;
    }
  }
}
