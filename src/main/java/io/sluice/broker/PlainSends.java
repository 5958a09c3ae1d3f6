package io.sluice.broker;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.message.UniqueIds;
import io.sluice.util.Clock;
import io.sluice.util.Durations;
import io.sluice.util.Timestamps;
import io.vertx.core.Context;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.Message;
import io.vertx.core.eventbus.MessageConsumer;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Plain use of the event bus: {@code request("sluice.send.<topic>", body)} with the headers of the
 * HTTP API stores a message. A consumer for each topic there is, not of the system. The body is a
 * Buffer, byte[], String, JsonObject or JsonArray; the answer a JsonObject as HTTP's. A transaction
 * that was begun so is ended at {@link PlainTransactions}.
 *
 * <p>The consumers sit with the Broker because it knows at once which topics come and go, and an
 * append is then a call. Owned by the Broker's event loop.
 */
final class PlainSends {

  /** What the addresses begin with; the topic follows. */
  static final String ADDRESS_PREFIX = "sluice.send.";

  private static final byte[] LOCAL_HOST = {127, 0, 0, 1, 0, 0, 0, 0};
  private static final String PROPERTY_PREFIX = "sluice-property-";

  private final Vertx vertx;
  private final BrokerOptions options;
  private final BrokerState state;
  private final Appender appender;
  private final Clock clock;
  private final UniqueIds ids;
  private final PlainRequests requests;
  private final Map<String, MessageConsumer<Object>> consumers = new HashMap<>();
  private final PropertiesWriter properties = new PropertiesWriter();

  PlainSends(
      Vertx vertx,
      Context context,
      BrokerOptions options,
      BrokerState state,
      Appender appender,
      Clock clock) {
    this.vertx = vertx;
    this.options = options;
    this.state = state;
    this.appender = appender;
    this.clock = clock;
    ids = new UniqueIds(clock.nowMs());
    requests = new PlainRequests(vertx, context, clock, ids.next());
  }

  /** Ends what waits for replies. */
  void close(SluiceException reason) {
    requests.close(reason);
  }

  /** Listens for the topics there are now, and no longer for those that are gone. */
  void update() {
    Set<String> gone = new HashSet<>(consumers.keySet());
    for (String topic : state.topics.keySet()) {
      gone.remove(topic);
      if (!isHidden(topic)) {
        consumers.computeIfAbsent(topic, this::listen);
      }
    }
    for (String topic : gone) {
      consumers.remove(topic).unregister();
    }
  }

  private MessageConsumer<Object> listen(String topic) {
    return vertx.eventBus().consumer(ADDRESS_PREFIX + topic, message -> handle(topic, message));
  }

  private static boolean isHidden(String topic) {
    return Names.isSystemTopic(topic)
        || topic.startsWith(Names.RETRY_PREFIX)
        || topic.startsWith(Names.DEAD_LETTER_PREFIX);
  }

  private void handle(String topic, Message<Object> message) {
    try {
      String id = ids.next();
      AckLevel ack = ackOf(message.headers());
      long replyWaitMs = PlainRequests.replyWaitMs(message.headers());
      ReplyTo replyTo = replyWaitMs == 0 ? null : requests.await(message, replyWaitMs);
      try {
        MessageBatch batch = encode(topic, id, message, replyTo);
        AppendRequest request = new AppendRequest(batch, ack, false, clock.nowNs());
        appender.append(
            request,
            replyTo == null
                ? answerTo(message, topic, id, ack)
                : requests.answerTo(message, replyTo));
      } catch (RuntimeException e) {
        requests.forget(replyTo);
        throw e;
      }
    } catch (SluiceException e) {
      SluiceException.fail(message, e);
    } catch (IllegalArgumentException e) {
      SluiceException.fail(message, ErrorCode.INVALID_ARGUMENT, e.getMessage());
    }
  }

  private Answer<AppendReply> answerTo(
      Message<Object> message, String topic, String id, AckLevel ack) {
    return new Answer<>() {
      @Override
      public void succeed(AppendReply reply) {
        if (reply.error(0) != null) {
          fail(reply.error(0));
          return;
        }
        JsonObject answer =
            new JsonObject()
                .put("messageId", reply.messageId(0, id))
                .put("topic", topic)
                .put("broker", reply.brokerName());
        if (reply.isHalf(0)) {
          answer.put("transactionId", reply.messageId(0, id));
        } else if (reply.deliverAtMs(0) > 0) {
          answer.put("deliverAt", reply.deliverAtMs(0));
        } else {
          answer.put("queueId", reply.queueId(0)).put("queueOffset", reply.queueOffset(0));
        }
        if (reply.epoch() > 0) {
          answer.put("epoch", reply.epoch());
        }
        message.reply(
            answer
                .put("ack", ack.name().toLowerCase(Locale.ROOT))
                .put("duplicate", reply.isDuplicate(0)));
      }

      @Override
      public void fail(SluiceException failure) {
        SluiceException.fail(message, failure);
      }
    };
  }

  private MessageBatch encode(String topic, String id, Message<Object> message, ReplyTo replyTo) {
    ByteBuffer body = ByteBuffer.wrap(bodyOf(message.body()));
    properties.clear().recognise(false).put(PropertyNames.UNIQUE_KEY, id);
    long selector = readHeaders(message.headers());
    requests.putInto(properties, replyTo, message.headers());
    MessageBatch batch = new MessageBatch(body.remaining() + 512);
    long nowMs = clock.nowMs();
    long dueAtMs = dueAtMs(message.headers(), nowMs);
    String group = message.headers().get("Sluice-Transaction");
    if (group != null) {
      String problem = Names.groupProblem(group);
      if (problem != null) {
        throw new SluiceException(ErrorCode.INVALID_GROUP, problem);
      }
      long halfDueAtMs = dueAtMs > nowMs ? dueAtMs : 0;
      batch.addHalf(
          topic, selector, group, halfDueAtMs, 0, 0, nowMs, LOCAL_HOST, 0, body, properties);
    } else if (dueAtMs > nowMs) {
      batch.addDelayed(topic, selector, dueAtMs, 0, 0, nowMs, LOCAL_HOST, 0, body, properties);
    } else {
      batch.add(topic, selector, 0, 0, nowMs, LOCAL_HOST, 0, 0, body, properties);
    }
    return batch;
  }

  /** Turns headers into properties; returns the queue selector. */
  private long readHeaders(MultiMap headers) {
    long selector = QueueSelector.ANY;
    for (Map.Entry<String, String> header : headers) {
      String name = header.getKey().toLowerCase(Locale.ROOT);
      String value = header.getValue();
      if (name.startsWith(PROPERTY_PREFIX)) {
        properties.put(header.getKey().substring(PROPERTY_PREFIX.length()), value);
      } else if (name.startsWith("ce-")) {
        throw new SluiceException(
            ErrorCode.NOT_SUPPORTED,
            "the header " + header.getKey() + " is of a CloudEvent; those come over HTTP");
      } else if (name.equals("traceparent") || name.equals("tracestate")) {
        properties.put(name, value);
      } else {
        switch (name) {
          case "sluice-tag" -> properties.put(PropertyNames.TAGS, value);
          case "sluice-ordering-key" -> {
            properties.put(PropertyNames.ORDERING_KEY, value);
            selector = QueueSelector.orderingKey(value);
          }
          case "sluice-ttl" -> properties.put(PropertyNames.TTL_MS, ttlMs(value));
          case "idempotency-key" -> properties.put(PropertyNames.IDEMPOTENCY_KEY, value);
          case "content-type" -> properties.put(PropertyNames.CONTENT_TYPE, value);
          case "sluice-key",
              "sluice-ack",
              "sluice-delay",
              "sluice-deliver-at",
              "sluice-transaction",
              PlainRequests.REPLY_WAIT -> {
            // Keys are put together below; the others are read by themselves.
          }
          default -> refuseUnknown(header.getKey(), name);
        }
      }
    }
    properties.put(PropertyNames.KEYS, String.join(" ", headers.getAll("Sluice-Key")));
    return selector;
  }

  private static String ttlMs(String text) {
    long ms = Durations.parseMs(text);
    if (ms < 1) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "Sluice-Ttl is '" + text + "'; allowed is 1ms or more");
    }
    return Long.toString(ms);
  }

  /** When the message is to be delivered, or 0. */
  private static long dueAtMs(MultiMap headers, long nowMs) {
    String delay = headers.get("Sluice-Delay");
    String deliverAt = headers.get("Sluice-Deliver-At");
    if (delay != null && deliverAt != null) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "there are Sluice-Delay and Sluice-Deliver-At; give one of them");
    }
    if (deliverAt != null) {
      return Timestamps.parseMs(deliverAt);
    }
    return delay == null ? 0 : Math.addExact(nowMs, Durations.parseMs(delay));
  }

  private static void refuseUnknown(String header, String name) {
    if (name.startsWith("sluice-")) {
      throw new SluiceException(ErrorCode.UNKNOWN_FIELD, "the header " + header + " is not known");
    }
    // Other headers belong to other users of the event bus, such as tracing.
  }

  private AckLevel ackOf(MultiMap headers) {
    String text = headers.get("Sluice-Ack");
    if (text == null) {
      return options.getDefaultAck();
    }
    for (AckLevel level : AckLevel.values()) {
      if (level.name().equalsIgnoreCase(text)) {
        return level;
      }
    }
    throw new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "Sluice-Ack is '" + text + "'; allowed is memory, disk or replicated");
  }

  private static byte[] bodyOf(Object body) {
    if (body instanceof Buffer buffer) {
      return buffer.getBytes();
    }
    if (body instanceof byte[] bytes) {
      return bytes;
    }
    if (body instanceof String text) {
      return Buffer.buffer(text).getBytes();
    }
    if (body instanceof JsonObject json) {
      return json.toBuffer().getBytes();
    }
    if (body instanceof JsonArray json) {
      return json.toBuffer().getBytes();
    }
    throw new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "the body is "
            + (body == null ? "null" : body.getClass().getName())
            + "; allowed is Buffer, byte[], String, JsonObject or JsonArray");
  }
}
