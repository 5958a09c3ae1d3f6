package io.sluice.remoting;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyMessage;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.Requests;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.eventbus.Message;
import java.util.List;
import java.util.function.Function;

/**
 * Codes 324 and 325: a consumer's reply, which goes to whoever asked: a client of this Broker, by
 * code 326, or another front of the cluster. It is not stored.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, ReplyMessageProcessor.
 */
final class ReplyHandler implements RequestHandler {

  /** What the topic of a reply ends with; the cluster's name stands before it. */
  static final String TOPIC_SUFFIX = "_REPLY_TOPIC";

  /** RocketMQ's: a client takes a reply within this time. */
  private static final long PUSH_MS = 10_000;

  private static final char NAME_END = 1;
  private static final char VALUE_END = 2;

  private static final int SYS_FLAG_OF_CLIENT =
      ~(MessageLayout.SYS_TRANSACTION_MASK
          | MessageLayout.SYS_BORN_HOST_V6
          | MessageLayout.SYS_STORE_HOST_V6);

  private final Vertx vertx;
  private final RemotingOptions options;
  private final String address;
  private final Clock clock;
  private final Function<String, ClientConnection> connections;

  /**
   * A handler.
   *
   * @param address the advertised {@code host:port}
   * @param connections finds a connection of this front by its name, or null
   */
  ReplyHandler(
      Vertx vertx,
      RemotingOptions options,
      String address,
      Clock clock,
      Function<String, ClientConnection> connections) {
    this.vertx = vertx;
    this.options = options;
    this.address = address;
    this.clock = clock;
    this.connections = connections;
  }

  @Override
  public void handle(Exchange exchange) {
    ExtFields fields = exchange.fields();
    SendHeader header =
        exchange.request().code == RequestCode.SEND_REPLY_MESSAGE
            ? SendHeader.readLong(fields)
            : SendHeader.readShort(fields);
    int bodyBytes = exchange.request().bodyBytes();
    if (bodyBytes > options.getMaxMessageBytes()) {
      throw new SluiceException(
          ErrorCode.MESSAGE_TOO_LARGE,
          "the body has "
              + bodyBytes
              + " bytes; allowed are up to "
              + options.getMaxMessageBytes()
              + " (maxMessageSize)");
    }
    MessageBatch batch = new MessageBatch(bodyBytes + 1_024);
    try {
      encode(batch, exchange, header);
    } catch (IllegalArgumentException e) {
      throw new SluiceException(ErrorCode.MESSAGE_TOO_LARGE, e.getMessage());
    }
    ReplyMessage reply = new ReplyMessage(null, null, batch);
    ReplyTo to = replyTo(reply.view(new MessageView()));
    exchange.when(
        deliver(new ReplyMessage(to, null, batch)),
        nothing ->
            exchange.ok(
                new ExtFields(5)
                    // Numbers, since the client reads them as such; nothing was stored.
                    .put("msgId", "0")
                    .put("queueId", Math.max(0, header.queueId()))
                    .put("queueOffset", 0)
                    .put("MSG_REGION", SendHandler.REGION)
                    .put("TRACE_ON", "true")));
  }

  private static void encode(MessageBatch batch, Exchange exchange, SendHeader header) {
    byte[] bornHost = exchange.connection().remoteHost();
    int sysFlag = header.sysFlag() & SYS_FLAG_OF_CLIENT;
    if (bornHost.length == MessageLayout.HOST_V6_BYTES) {
      sysFlag |= MessageLayout.SYS_BORN_HOST_V6;
    }
    batch.add(
        header.topic(),
        QueueSelector.ANY,
        header.flag(),
        sysFlag,
        header.bornAtMs(),
        bornHost,
        header.reconsumeTimes(),
        0,
        exchange.request().body(),
        new PropertiesWriter().putEncoded(header.properties()));
  }

  private static ReplyTo replyTo(MessageView reply) {
    String requester = reply.property(PropertyNames.REPLY_TO_CLIENT);
    String correlationId = reply.property(PropertyNames.CORRELATION_ID);
    if (requester == null || correlationId == null) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "a reply needs the properties REPLY_TO_CLIENT and CORRELATION_ID of its request");
    }
    return new ReplyTo(requester, correlationId);
  }

  private Future<Void> deliver(ReplyMessage reply) {
    return reply.to().isFront()
        ? Requests.toFront(vertx, reply)
        : Requests.toClient(vertx, List.of(options.getBrokerName()), 0, reply);
  }

  /** Begins to take replies for this front's clients. */
  Future<Void> listen(String frontId) {
    return vertx
        .eventBus()
        .<ReplyMessage>consumer(Addresses.front(frontId) + Addresses.REQUESTS)
        .handler(this::push)
        .completion();
  }

  private void push(Message<ReplyMessage> message) {
    ReplyMessage reply = message.body();
    ClientConnection connection = connections.apply(reply.holder());
    if (connection == null) {
      SluiceException.fail(message, ReplyMessage.gone("the client's connection is closed"));
      return;
    }
    MessageView view = reply.view(new MessageView());
    connection
        .ask(RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT, fields(view), view.body(), PUSH_MS)
        .onComplete(
            answer -> {
              if (answer.succeeded() && answer.result().code == ResponseCode.SUCCESS) {
                message.reply(Done.DONE, BusCodec.options(PUSH_MS));
              } else {
                SluiceException.fail(message, ReplyMessage.gone("the client did not take it"));
              }
            });
  }

  private ExtFields fields(MessageView view) {
    long nowMs = clock.nowMs();
    StringBuilder properties = new StringBuilder(256);
    view.forEachProperty(
        (name, value) -> properties.append(name).append(NAME_END).append(value).append(VALUE_END));
    properties.append("PUSH_REPLY_TIME").append(NAME_END).append(nowMs).append(VALUE_END);
    return new ExtFields(16)
        .put("producerGroup", "sluice")
        .put("topic", view.topic())
        .put("defaultTopic", RouteHandler.TEMPLATE_TOPIC)
        .put("defaultTopicQueueNums", 4)
        .put("queueId", 0)
        .put("sysFlag", view.sysFlag() & SYS_FLAG_OF_CLIENT)
        .put("bornTimestamp", view.bornAtMs())
        .put("flag", view.flag())
        .put("bornHost", view.bornHostText())
        .put("storeHost", address)
        .put("storeTimestamp", nowMs)
        .put("properties", properties.toString())
        .put("reconsumeTimes", 0)
        .put("unitMode", false);
  }
}
