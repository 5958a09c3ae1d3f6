package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Set;

/**
 * One message on its way in, collected from headers or JSON and then encoded behind others in a
 * batch. Reused for message after message; for one thread.
 */
final class MessageDraft {

  /** Names with a meaning to the broker or RocketMQ's clients: a user's property has another. */
  private static final Set<String> RESERVED =
      Set.of(
          PropertyNames.KEYS,
          PropertyNames.TAGS,
          PropertyNames.UNIQUE_KEY,
          PropertyNames.WAIT,
          PropertyNames.DELAY_LEVEL,
          PropertyNames.TIMER_DELIVER_MS,
          PropertyNames.TIMER_DELAY_MS,
          PropertyNames.TIMER_DELAY_SEC,
          PropertyNames.TIMER_OUT_MS,
          PropertyNames.RETRY_TOPIC,
          PropertyNames.REAL_TOPIC,
          PropertyNames.REAL_QUEUE_ID,
          PropertyNames.ORIGIN_MESSAGE_ID,
          PropertyNames.ORIGIN_GROUP,
          PropertyNames.DLQ_ORIGIN_TOPIC,
          PropertyNames.DLQ_ORIGIN_MESSAGE_ID,
          PropertyNames.ORDERING_KEY,
          PropertyNames.RECORD_CRC,
          PropertyNames.CONTENT_TYPE,
          PropertyNames.IDEMPOTENCY_KEY,
          PropertyNames.TTL_MS,
          PropertyNames.DEAD_REASON,
          PropertyNames.CORRELATION_ID,
          PropertyNames.REPLY_TO_CLIENT,
          PropertyNames.MESSAGE_TYPE,
          PropertyNames.DEAD_CAUSE,
          PropertyNames.REDRIVEN,
          PropertyNames.DEAD_QUEUE_ID,
          PropertyNames.DEAD_QUEUE_OFFSET,
          PropertyNames.TRANSACTIONAL,
          PropertyNames.PRODUCER_GROUP);

  /** What says where a message stands in a trace, CloudEvents' extension included. */
  private static final Set<String> TRACE =
      Set.of(
          SluiceHeaders.TRACE_PARENT,
          SluiceHeaders.TRACE_STATE,
          CloudEvent.PROPERTY_PREFIX + SluiceHeaders.TRACE_PARENT,
          CloudEvent.PROPERTY_PREFIX + SluiceHeaders.TRACE_STATE);

  /** No delay was given. */
  private static final long NONE = -1;

  /** What can be said at all; the Broker has a limit of its own. */
  private static final long LONGEST_DELAY_MS = Duration.ofDays(36_500).toMillis();

  /** The longest wait for a reply: as long as a long poll. */
  static final long MAX_REPLY_WAIT_MS = 300_000;

  /** RocketMQ's clients need some cluster's name to reply; every name is routed. */
  private static final String ANY_CLUSTER = "DefaultCluster";

  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private final PropertiesWriter properties = new PropertiesWriter();
  private final StringBuilder keys = new StringBuilder();
  private String topic;
  private String messageId;
  private String tag;
  private String orderingKey;
  private String contentType;
  private String idempotencyKey;
  private String transactionGroup;
  private boolean traced;
  private long delayMs = NONE;
  private long deliverAtMs = NONE;
  private long replyWaitMs;
  private ReplyTo replyTo;
  private final CloudEvent event = new CloudEvent();
  private boolean isReply;
  private long ttlMs = NONE;
  private byte[] bodyArray;

  /** Around {@link #bodyArray}: the lines of a chunk share one. */
  private ByteBuffer wrapped;

  private ByteBuffer body = NOTHING;

  /** Starts the next message. */
  MessageDraft start(String topic) {
    this.topic = topic;
    properties.clear();
    keys.setLength(0);
    messageId = null;
    tag = null;
    orderingKey = null;
    contentType = null;
    idempotencyKey = null;
    transactionGroup = null;
    traced = false;
    delayMs = NONE;
    deliverAtMs = NONE;
    replyWaitMs = 0;
    replyTo = null;
    isReply = false;
    event.clear();
    ttlMs = NONE;
    return this;
  }

  void topic(String topic) {
    this.topic = topic;
  }

  /** The tag a consumer may filter by. */
  void tag(String value) {
    if (value.indexOf('|') >= 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the tag '" + value + "' has a '|', which parts tags in a filter");
    }
    tag = value;
  }

  /** One more key to find the message by. */
  void key(String value) {
    if (value.indexOf(' ') >= 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the key '" + value + "' has a blank, which parts keys; give each key by itself");
    }
    if (!value.isEmpty()) {
      if (!keys.isEmpty()) {
        keys.append(' ');
      }
      keys.append(value);
    }
  }

  void orderingKey(String value) {
    orderingKey = value;
  }

  void contentType(String value) {
    contentType = value;
  }

  /** Sets the content type if none was given. */
  void defaultContentType(String value) {
    if (contentType == null) {
      contentType = value;
    }
  }

  void idempotencyKey(String value) {
    idempotencyKey = value;
  }

  /** Begins a transaction: nobody sees the message until it is committed. */
  void transaction(String producerGroup) {
    transactionGroup = TopicNames.checkGroup(producerGroup);
  }

  /** Sets the idempotency key if none was given. */
  void defaultIdempotencyKey(String value) {
    if (idempotencyKey == null) {
      idempotencyKey = value;
    }
  }

  /** Sets the tag if none was given. */
  void defaultTag(String value) {
    if (tag == null) {
      tag = value;
    }
  }

  /** Sets the ordering key if none was given; null for none. */
  void defaultOrderingKey(String value) {
    if (orderingKey == null) {
      orderingKey = value;
    }
  }

  /** An attribute of a CloudEvent whose data is the body. */
  void eventAttribute(String name, String value) {
    event.put(name, value);
  }

  /** Ends the attributes, if there were some. */
  void endEvent() {
    if (contentType != null && contentType.startsWith(CloudEvent.STRUCTURED_TYPE)) {
      // The body says all of it; headers may repeat it (HTTP binding, 3.2.3).
      event.clear();
      contentType = null;
    } else if (!event.isEmpty()) {
      if (contentType != null) {
        event.put("datacontenttype", contentType);
      }
      event.finish(this);
    }
  }

  /** Delivered so long after it was sent. */
  void delay(String name, String text) {
    delayMs = Fields.durationMs(name, text, 0, LONGEST_DELAY_MS);
    oneTime(name);
  }

  /** Delivered at this time. */
  void deliverAt(String name, long timeMs) {
    deliverAtMs = timeMs;
    oneTime(name);
  }

  /** Waits for a consumer no longer than this. */
  void ttl(String name, String text) {
    ttlMs = Fields.durationMs(name, text, 1, LONGEST_DELAY_MS);
  }

  private void oneTime(String name) {
    if (delayMs != NONE && deliverAtMs != NONE) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          name + ": there is a delay and a time of delivery; give one of them");
    }
  }

  /** The sender waits so long for a consumer's reply. */
  void replyWait(String name, String text) {
    replyWaitMs = Fields.durationMs(name, text, 1, MAX_REPLY_WAIT_MS);
  }

  /** How long the sender waits for a reply, or 0. */
  long replyWaitMs() {
    return replyWaitMs;
  }

  /** Makes it a request: whoever consumes it may reply there. */
  void request(ReplyTo to) {
    goesAtOnce("a message that waits for a reply");
    replyTo = to;
  }

  /** Makes it a reply: it is handed to the requester and not stored. */
  void reply(ReplyTo to) {
    if (replyWaitMs > 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "a reply can not wait for a reply itself");
    }
    goesAtOnce("a reply");
    replyTo = to;
    isReply = true;
  }

  private void goesAtOnce(String what) {
    if (delayMs != NONE || deliverAtMs != NONE || transactionGroup != null) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          what + " can not be delayed, nor begin a transaction; leave out one of the two");
    }
  }

  /** A user's property. */
  void property(String name, String value) {
    if (RESERVED.contains(name)) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "the property name '" + name + "' belongs to the system; take another");
    }
    traced |= TRACE.contains(name);
    properties.put(name, value);
  }

  /** Sets the trace (W3C Trace Context) if none was given; the state may be null. */
  void defaultTrace(String parent, String state) {
    if (!traced) {
      properties.put(SluiceHeaders.TRACE_PARENT, parent).put(SluiceHeaders.TRACE_STATE, state);
    }
  }

  /** The body, as a part of an array that stays as it is until the message is encoded. */
  void body(byte[] array, int from, int length) {
    if (array != bodyArray) {
      bodyArray = array;
      wrapped = ByteBuffer.wrap(array);
    }
    body = wrapped.limit(from + length).position(from);
  }

  /** No body. */
  void noBody() {
    body = NOTHING;
  }

  /** Lets the last body go. */
  void forgetBody() {
    bodyArray = null;
    wrapped = null;
    body = NOTHING;
  }

  int bodyBytes() {
    return body.remaining();
  }

  String messageId() {
    return messageId;
  }

  String topic() {
    return topic;
  }

  /**
   * Encodes the message behind the others.
   *
   * @throws SluiceException if it is over a limit; the batch is as it was then
   */
  void addTo(
      MessageBatch batch, String messageId, byte[] bornHost, long nowMs, int maxMessageBytes) {
    if (body.remaining() > maxMessageBytes) {
      throw tooLarge(body.remaining(), maxMessageBytes);
    }
    this.messageId = messageId;
    properties.put(PropertyNames.UNIQUE_KEY, messageId);
    properties.put(PropertyNames.TAGS, tag);
    if (!keys.isEmpty()) {
      properties.put(PropertyNames.KEYS, keys.toString());
    }
    properties.put(PropertyNames.ORDERING_KEY, orderingKey);
    properties.put(PropertyNames.CONTENT_TYPE, contentType);
    if (ttlMs != NONE) {
      properties.put(PropertyNames.TTL_MS, Long.toString(ttlMs));
    }
    properties.put(PropertyNames.IDEMPOTENCY_KEY, idempotencyKey).recognise(false);
    putReplyTo();
    long selector =
        orderingKey == null || orderingKey.isEmpty()
            ? QueueSelector.ANY
            : QueueSelector.orderingKey(orderingKey);
    int sysFlag =
        bornHost.length == MessageLayout.HOST_V4_BYTES ? 0 : MessageLayout.SYS_BORN_HOST_V6;
    long dueAtMs = deliverAtMs != NONE ? deliverAtMs : delayMs != NONE ? nowMs + delayMs : 0;
    if (transactionGroup != null) {
      long halfDueAtMs = dueAtMs > nowMs ? dueAtMs : 0;
      batch.addHalf(
          topic,
          selector,
          transactionGroup,
          halfDueAtMs,
          0,
          sysFlag,
          nowMs,
          bornHost,
          0,
          body,
          properties);
    } else if (dueAtMs > nowMs) {
      batch.addDelayed(topic, selector, dueAtMs, 0, sysFlag, nowMs, bornHost, 0, body, properties);
    } else {
      batch.add(topic, selector, 0, sysFlag, nowMs, bornHost, 0, 0, body, properties);
    }
  }

  private void putReplyTo() {
    if (replyTo == null) {
      return;
    }
    properties
        .put(PropertyNames.CORRELATION_ID, replyTo.correlationId())
        .put(PropertyNames.REPLY_TO_CLIENT, replyTo.requester());
    if (isReply) {
      properties.put(PropertyNames.MESSAGE_TYPE, PropertyNames.REPLY_TYPE);
    } else {
      properties
          .put(PropertyNames.REQUEST_TTL, Long.toString(replyWaitMs))
          .put(PropertyNames.CLUSTER, ANY_CLUSTER);
    }
  }

  static SluiceException tooLarge(long found, long allowed) {
    return new SluiceException(
        ErrorCode.MESSAGE_TOO_LARGE,
        "the body has " + found + " bytes, allowed are " + allowed + "; send less at once");
  }
}
