package io.sluice.client;

import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.Appends;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.OrderedRoutes;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.message.UniqueIds;
import io.sluice.util.Clock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Collects the sends of one turn of the event loop and sends them as one batch for each Broker and
 * ack level. Owned by the client's context.
 */
final class Sender {

  private static final byte[] LOCAL_HOST = {127, 0, 0, 1, 0, 0, 0, 0};

  /** A batch that is longer leaves before the end of the turn. */
  private static final int FULL_BATCH_BYTES = 1 << 20;

  /** Bytes that may be under way; more are refused, so that a slow disk does not fill the heap. */
  static final long MAX_PENDING_BYTES = 64L << 20;

  private final Context context;
  private final Appends appends;
  private final OrderedRoutes routes;
  private final Clock clock;
  private final UniqueIds ids;
  private final PropertiesWriter properties = new PropertiesWriter();
  private final Map<Target, Outgoing> outgoing = new HashMap<>();
  private boolean flushRequested;
  private long pendingBytes;

  private record Target(String brokerName, AckLevel ack) {}

  private record Sent(String messageId, String topic, Promise<SendReceipt> promise) {}

  /** A batch and who waits for it. */
  private final class Outgoing implements Appends.Sender {
    private final MessageBatch batch = new MessageBatch();
    private final List<Sent> sent = new ArrayList<>();
    private final Target target;
    private final long receivedNs = clock.nowNs();

    private Outgoing(Target target) {
      this.target = target;
    }

    @Override
    public void answered(AppendReply reply, Appends.Part part) {
      pendingBytes -= part.bytes();
      for (int i = 0; i < part.count(); i++) {
        answer(sent.get(part.index(i)), reply, i, target.ack());
      }
    }

    @Override
    public void failed(SluiceException failure, Appends.Part part) {
      pendingBytes -= part.bytes();
      for (int i = 0; i < part.count(); i++) {
        sent.get(part.index(i)).promise().fail(failure);
      }
    }
  }

  Sender(Context context, BrokerCalls calls, BrokerDirectory directory, Clock clock) {
    this.context = context;
    this.clock = clock;
    routes = new OrderedRoutes(directory, context);
    appends =
        new Appends(
                calls.vertx(),
                directory,
                routes,
                clock,
                BrokerCalls.TIMEOUT_MS,
                (broker, request, timeoutMs) ->
                    calls.request(broker, Addresses.append(broker), request, timeoutMs))
            .inOrder();
    ids = new UniqueIds(clock.nowMs());
  }

  /**
   * Sends a message.
   *
   * @param transactionGroup the producer group of the transaction it begins, or null
   */
  Future<SendReceipt> send(
      String topic, Buffer body, SendOptions options, String transactionGroup) {
    String problem = Names.topicProblem(topic);
    if (problem != null) {
      return Future.failedFuture(new SluiceException(ErrorCode.INVALID_TOPIC, problem));
    }
    Promise<SendReceipt> promise = Promise.promise();
    String brokerName = routes.knownBrokerFor(topic);
    if (brokerName != null) {
      add(brokerName, topic, body, options, transactionGroup, promise);
    } else {
      routes
          .brokerFor(topic)
          .onSuccess(found -> add(found, topic, body, options, transactionGroup, promise))
          .onFailure(promise::fail);
    }
    return promise.future();
  }

  private void add(
      String brokerName,
      String topic,
      Buffer body,
      SendOptions options,
      String transactionGroup,
      Promise<SendReceipt> promise) {
    if (pendingBytes + body.length() > MAX_PENDING_BYTES) {
      promise.fail(
          new SluiceException(
              ErrorCode.BUSY,
              pendingBytes + " bytes of sends are under way; allowed are " + MAX_PENDING_BYTES));
      return;
    }
    Target target = new Target(brokerName, options.getAck());
    Outgoing to = outgoing.computeIfAbsent(target, Outgoing::new);
    String messageId = ids.next();
    int sizeBefore = to.batch.size();
    try {
      encode(to.batch, messageId, topic, body, options, transactionGroup);
    } catch (IllegalArgumentException e) {
      promise.fail(new SluiceException(ErrorCode.INVALID_ARGUMENT, e.getMessage()));
      return;
    }
    pendingBytes += to.batch.size() - sizeBefore;
    to.sent.add(new Sent(messageId, topic, promise));
    if (to.batch.size() >= FULL_BATCH_BYTES) {
      outgoing.remove(target);
      flush(to);
    } else if (!flushRequested) {
      flushRequested = true;
      context.runOnContext(nothing -> flushAll());
    }
  }

  /** Encodes a message with an id of its own, behind those in the batch. */
  void encode(MessageBatch batch, String topic, Buffer body, SendOptions options) {
    encode(batch, ids.next(), topic, body, options, null);
  }

  private void encode(
      MessageBatch batch,
      String messageId,
      String topic,
      Buffer body,
      SendOptions options,
      String transactionGroup) {
    properties
        .clear()
        .put(PropertyNames.UNIQUE_KEY, messageId)
        .put(PropertyNames.TAGS, options.getTag())
        .put(PropertyNames.ORDERING_KEY, options.getOrderingKey())
        .put(PropertyNames.CONTENT_TYPE, options.getContentType())
        .put(PropertyNames.TTL_MS, options.ttlText())
        .put(PropertyNames.IDEMPOTENCY_KEY, options.getIdempotencyKey())
        .recognise(false);
    if (!options.getKeys().isEmpty()) {
      properties.put(PropertyNames.KEYS, String.join(" ", options.getKeys()));
    }
    options.getProperties().forEach(properties::put);
    long selector =
        options.getOrderingKey() == null
            ? QueueSelector.ANY
            : QueueSelector.orderingKey(options.getOrderingKey());
    ByteBuffer bytes = ByteBuffer.wrap(body.getBytes());
    long nowMs = clock.nowMs();
    long dueAtMs = options.dueAtMs(nowMs);
    if (transactionGroup != null) {
      batch.addHalf(
          topic,
          selector,
          transactionGroup,
          dueAtMs,
          0,
          0,
          nowMs,
          LOCAL_HOST,
          0,
          bytes,
          properties);
    } else if (dueAtMs > 0) {
      batch.addDelayed(topic, selector, dueAtMs, 0, 0, nowMs, LOCAL_HOST, 0, bytes, properties);
    } else {
      batch.add(topic, selector, 0, 0, nowMs, LOCAL_HOST, 0, 0, bytes, properties);
    }
  }

  private void flushAll() {
    flushRequested = false;
    if (outgoing.isEmpty()) {
      return;
    }
    List<Outgoing> now = List.copyOf(outgoing.values());
    outgoing.clear();
    now.forEach(this::flush);
  }

  private void flush(Outgoing out) {
    if (!out.sent.isEmpty()) {
      AppendRequest request = new AppendRequest(out.batch, out.target.ack(), false, out.receivedNs);
      appends.append(out.target.brokerName(), request, out);
    }
  }

  private static void answer(Sent one, AppendReply reply, int place, AckLevel ack) {
    SluiceException error = reply.error(place);
    if (error != null) {
      one.promise().fail(error);
      return;
    }
    one.promise()
        .complete(
            new SendReceipt(
                reply.messageId(place, one.messageId()),
                one.topic(),
                reply.brokerName(),
                reply.queueId(place),
                reply.isHalf(place) ? -1 : reply.queueOffset(place),
                ack,
                reply.deliverAtMs(place),
                reply.isDuplicate(place)));
  }
}
