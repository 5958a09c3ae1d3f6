package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest.Kind;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageView;
import io.sluice.util.NearestName;
import io.vertx.core.Future;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.http.WebSocketFrame;
import io.vertx.core.http.WebSocketFrameType;
import io.vertx.core.http.impl.ws.WebSocketFrameInternal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * One WebSocket: reads the client's frames and holds its subscriptions. One close path undoes all
 * of it. Owned by the event loop; it has no timer of its own.
 */
final class Socket {

  /** The types of frames a client may send; the document of the API lists the same. */
  static final List<String> TYPES =
      List.of(
          "subscribe",
          "credit",
          "settle",
          "publish",
          "reply",
          "checkback",
          "end",
          "unsubscribe",
          "seek",
          "ping",
          "pong",
          "auth");

  static final List<String> CREDIT_FIELDS = List.of("type", "sub", "messages", "bytes");
  static final List<String> SETTLE_FIELDS =
      List.of("type", "id", "sub", "ack", "nack", "extend", "dead");
  static final List<String> UNSUBSCRIBE_FIELDS = List.of("type", "id", "sub");
  static final List<String> SEEK_FIELDS = List.of("type", "id", "sub", "to");
  static final List<String> PING_FIELDS = List.of("type", "id");
  static final List<String> AUTH_FIELDS = List.of("type", "id", "token");
  static final List<String> PUBLISH_FIELDS =
      itemFields("type", "id", "topic", "ack", "replyWait", "event");
  static final List<String> REPLY_FIELDS =
      List.of(
          "type",
          "id",
          "replyTo",
          "body",
          "json",
          "bodyBase64",
          "tag",
          "keys",
          "properties",
          "contentType");

  /** Dispatch to a socket stops with so many bytes written and not taken: one burst and a half. */
  private static final int MAX_UNWRITTEN_BYTES = 768 << 10;

  /** Time for a close frame to arrive and be answered; a client that reads nothing gets no more. */
  private static final long CLOSE_MS = 2_000;

  /** Publishes of a socket that wait for their answers; with more, its frames are not read. */
  private static final int MAX_PUBLISHING = 4_096;

  private static final int MAX_PUBLISHING_BYTES = 2 << 20;

  /** Byte credit that comes with message credit alone. */
  private static final long BYTES_PER_MESSAGE = GatewayOptions.DEFAULT_CREDIT_BYTES / 100;

  private final Loop loop;
  private final ServerWebSocket webSocket;
  private final boolean binary;
  private final byte[] bornHost;
  private final Consumer<Socket> onClosed;
  private final FrameOutput output;
  private final ChannelHandlerContext channel;
  private final ItemReader items = new ItemReader();
  private Map<String, Subscription> subscriptions = Map.of();
  private SocketTransactions transactions;
  private byte[] partial;
  private int partialBytes;
  private WebSocketFrameType partialType;
  private long lastHeardMs;
  private long lastPingMs;
  private long unwrittenBytes;
  private long unwrittenSinceMs;
  private int publishing;
  private long publishingBytes;
  private boolean readingPaused;
  private boolean draining;
  private boolean closing;
  private long closeByMs = Long.MAX_VALUE;
  private boolean closed;

  // Of the frame that is being read.
  private String frameType;
  private String frameId;
  private String frameSub;

  Socket(
      Loop loop,
      ServerWebSocket webSocket,
      ChannelHandlerContext channel,
      boolean binary,
      byte[] bornHost,
      Consumer<Socket> onClosed) {
    this.loop = loop;
    this.webSocket = webSocket;
    this.channel = channel;
    this.binary = binary;
    this.bornHost = bornHost;
    this.onClosed = onClosed;
    output = new FrameOutput(loop, channel, binary ? FrameOutput.BINARY : FrameOutput.TEXT);
    lastHeardMs = loop.clock.nowMs();
    lastPingMs = lastHeardMs;
  }

  /**
   * Starts to talk.
   *
   * @param oneLine the subscription of the one-line form, or null
   */
  void open(SubscribeFields oneLine) {
    output.onDrain(this::written);
    webSocket.frameHandler(this::frame);
    webSocket.exceptionHandler(ignored -> {});
    webSocket.closeHandler(ignored -> closed());
    send(
        out -> {
          out.raw("{\"type\":\"welcome\",\"session\":").string(loop.ids.next());
          out.raw(",\"server\":\"sluice\",\"limits\":{");
          out.name("frameBytes").number(loop.options.maxFrameBytes());
          out.next("messageBytes").number(loop.options.maxMessageBytes());
          out.next("subscriptions").number(loop.options.maxSubscriptions());
          out.next("pingMs").number(loop.options.pingInterval().toMillis());
          out.next("timeoutMs").number(loop.options.socketTimeout().toMillis()).raw("}}");
        });
    if (oneLine != null) {
      try {
        subscribe(oneLine, null, true);
      } catch (SluiceException e) {
        refuse(e, oneLine.sub);
      }
    }
  }

  Loop loop() {
    return loop;
  }

  FrameOutput output() {
    return output;
  }

  boolean isBinary() {
    return binary;
  }

  /** Whether messages may be asked for: the client takes what is written, and the server stays. */
  boolean takesMore() {
    return !draining && !closing && output.unwrittenBytes() < MAX_UNWRITTEN_BYTES;
  }

  /** Pings, and gives up on a client that is silent or takes nothing. */
  void tick(long nowMs) {
    if (closing) {
      if (nowMs > closeByMs) {
        channel.close();
      }
      return;
    }
    long unwritten = Connections.pendingBytes(channel.channel());
    if (unwritten == 0 || unwritten != unwrittenBytes) {
      unwrittenBytes = unwritten;
      unwrittenSinceMs = nowMs;
    } else if (nowMs - unwrittenSinceMs > loop.options.stallTimeout().toMillis()) {
      // A close frame would only stand behind what is not taken either.
      loop.counters.timedOut.increment();
      closing = true;
      releaseAll();
      channel.close();
      return;
    }
    if (nowMs - lastHeardMs > loop.options.socketTimeout().toMillis()) {
      loop.counters.timedOut.increment();
      close(
          SocketClose.SILENT,
          "nothing was said for "
              + loop.options.socketTimeout().toMillis()
              + " ms, not even a pong");
    } else if (nowMs - lastPingMs >= loop.options.pingInterval().toMillis()) {
      lastPingMs = nowMs;
      output.ping();
    }
  }

  /** Tells the client to go elsewhere; nothing more is dispatched. */
  void drain(long afterMs) {
    draining = true;
    send(out -> out.raw("{\"type\":\"drain\",\"afterMs\":").number(afterMs).raw('}'));
  }

  /** Says why and closes. */
  void close(int code, String reason) {
    if (closing) {
      return;
    }
    closing = true;
    closeByMs = loop.clock.nowMs() + CLOSE_MS;
    releaseAll();
    output.flush();
    webSocket.close((short) code, SocketClose.shorten(reason));
  }

  void sendSubscribed(Subscription subscription) {
    String position = subscription.position();
    send(
        out -> {
          out.raw("{\"type\":\"subscribed\",\"sub\":").string(subscription.fields.sub);
          out.next("position").string(position).raw('}');
        });
  }

  void sendIdle(String sub) {
    send(out -> out.raw("{\"type\":\"idle\",\"sub\":").string(sub).raw('}'));
  }

  /** Writes an error frame. */
  void sendError(SluiceException error, String id, String sub) {
    Answers.count(loop, error);
    send(
        out -> {
          out.raw("{\"type\":\"error\",");
          if (id != null) {
            out.name("id").string(id).raw(',');
          }
          if (sub != null) {
            out.name("sub").string(sub).raw(',');
          }
          Problem.writeCode(out, error);
          out.raw('}');
        });
  }

  /** A subscription cannot go on. */
  void ended(Subscription subscription, SluiceException error) {
    subscription.close();
    subscriptions.remove(subscription.fields.sub, subscription);
    if (subscription.fields.oneLine) {
      close(SocketClose.of(error.code()), error.getMessage());
    }
  }

  private void written() {
    if (!closing && takesMore()) {
      for (Subscription subscription : subscriptions.values()) {
        if (subscription != null) {
          subscription.arm();
        }
      }
    }
  }

  /** Writes a frame, unless the socket is closed. */
  void send(Consumer<JsonText> writer) {
    if (closed) {
      return;
    }
    JsonText out = loop.json.clear();
    int frame = output.begin(out);
    int header = binary ? Subscription.beginHeader(out) : 0;
    writer.accept(out);
    if (binary) {
      Subscription.endHeader(out, header);
    }
    output.end(out, frame);
    output.write(out);
  }

  private void frame(WebSocketFrame frame) {
    lastHeardMs = loop.clock.nowMs();
    if (closing) {
      return;
    }
    WebSocketFrameType type = frame.type();
    if (type != WebSocketFrameType.TEXT
        && type != WebSocketFrameType.BINARY
        && type != WebSocketFrameType.CONTINUATION) {
      return;
    }
    ByteBuf data = ((WebSocketFrameInternal) frame).getBinaryData();
    int length = data.readableBytes();
    if (partialBytes + (long) length > loop.options.maxFrameBytes()) {
      close(
          SocketClose.TOO_BIG,
          "a message is over the " + loop.options.maxFrameBytes() + " bytes that are allowed");
      return;
    }
    if (type != WebSocketFrameType.CONTINUATION && frame.isFinal()) {
      if (data.hasArray()) {
        message(type, data.array(), data.arrayOffset() + data.readerIndex(), length);
      } else {
        message(type, ByteBufUtil.getBytes(data), 0, length);
      }
      return;
    }
    collect(type, data, length);
    if (frame.isFinal()) {
      byte[] whole = partial;
      int wholeBytes = partialBytes;
      partial = null;
      partialBytes = 0;
      message(partialType, whole, 0, wholeBytes);
    }
  }

  private void collect(WebSocketFrameType type, ByteBuf data, int length) {
    if (type != WebSocketFrameType.CONTINUATION) {
      partialType = type;
    }
    if (partial == null) {
      partial = new byte[Math.max(1024, length * 2)];
    } else if (partialBytes + length > partial.length) {
      partial = Arrays.copyOf(partial, Math.max(partial.length * 2, partialBytes + length));
    }
    data.getBytes(data.readerIndex(), partial, partialBytes, length);
    partialBytes += length;
  }

  private void message(WebSocketFrameType type, byte[] bytes, int from, int length) {
    frameType = null;
    frameId = null;
    frameSub = null;
    try {
      if (binary != (type == WebSocketFrameType.BINARY)) {
        throw new BadFrame(
            binary
                ? "a text frame came; " + Sockets.BINARY + " has binary frames"
                : "a binary frame came; " + Sockets.JSON + " has text frames");
      }
      if (!binary) {
        read(bytes, from, length, from + length, 0);
        return;
      }
      if (length < 4) {
        throw new BadFrame("a frame of " + length + " bytes; the length of the header takes four");
      }
      long header =
          (bytes[from] & 0xffL) << 24
              | (bytes[from + 1] & 0xff) << 16
              | (bytes[from + 2] & 0xff) << 8
              | bytes[from + 3] & 0xff;
      if (header > length - 4) {
        throw new BadFrame(
            "the header is said to have " + header + " bytes, the frame has " + (length - 4));
      }
      int bodyAt = from + 4 + (int) header;
      read(bytes, from + 4, (int) header, bodyAt, from + length - bodyAt);
    } catch (BadFrame e) {
      sendError(Fields.malformed(e.getMessage()), null, null);
      close(SocketClose.BAD, e.getMessage());
    } catch (SluiceException | IllegalArgumentException e) {
      sendError(Answers.known(e), frameId, frameSub);
    }
  }

  /** Reads a header, whose type may stand anywhere in it, and acts on it. */
  private void read(byte[] bytes, int from, int length, int bodyAt, int bodyBytes) {
    long receivedNs = loop.clock.nowNs();
    identify(bytes, from, length);
    if (frameType == null) {
      throw new BadFrame("the frame has no type; types are " + String.join(", ", TYPES));
    }
    if (bodyBytes > 0 && !frameType.equals("publish") && !frameType.equals("reply")) {
      throw new BadFrame("a frame of type " + frameType + " has no body");
    }
    switch (frameType) {
      case "publish" -> publish(bytes, from, length, bodyAt, bodyBytes, receivedNs);
      case "reply" -> reply(bytes, from, length, bodyAt, bodyBytes);
      case "settle" -> settle(bytes, from, length);
      case "credit" -> credit(bytes, from, length);
      case "checkback" -> transactions().checkback(frameId, bytes, from, length);
      case "end" -> transactions().end(frameId, bytes, from, length);
      case "subscribe" -> {
        SubscribeFields fields = new SubscribeFields();
        fields(bytes, from, length, SubscribeFields.FIELDS, fields::take);
        fields.check();
        subscribe(fields, frameId, false);
      }
      case "unsubscribe" -> {
        fields(bytes, from, length, UNSUBSCRIBE_FIELDS, (name, parser) -> false);
        Subscription subscription = subscription();
        subscription.close();
        subscriptions.remove(subscription.fields.sub);
        sendOk(frameId, subscription.fields.sub, null);
      }
      case "seek" -> seek(bytes, from, length);
      case "ping" -> {
        fields(bytes, from, length, PING_FIELDS, (name, parser) -> false);
        String id = frameId;
        send(
            out -> {
              out.raw("{\"type\":\"pong\"");
              if (id != null) {
                out.next("id").string(id);
              }
              out.raw('}');
            });
      }
      case "pong" -> fields(bytes, from, length, PING_FIELDS, (name, parser) -> false);
      case "auth" -> {
        // Nobody is asked who they are yet: every token is as good as none.
        fields(
            bytes,
            from,
            length,
            AUTH_FIELDS,
            (name, parser) -> name.equals("token") && Fields.text(name, parser) != null);
        sendOk(frameId, null, null);
      }
      default -> throw unknownType();
    }
  }

  private SluiceException unknownType() {
    String near = NearestName.of(frameType, TYPES);
    return new SluiceException(
        ErrorCode.INVALID_ARGUMENT,
        "type: found '"
            + frameType
            + "', "
            + (near == null
                ? "allowed are " + String.join(", ", TYPES)
                : "did you mean " + near + "?"));
  }

  private SocketTransactions transactions() {
    if (transactions == null) {
      transactions = new SocketTransactions(this);
    }
    return transactions;
  }

  /** Finds type, id and sub, and that the header is valid JSON at all. */
  private void identify(byte[] bytes, int from, int length) {
    try (JsonParser parser = Fields.JSON.createParser(bytes, from, length)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new BadFrame("the frame is no JSON object");
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        JsonToken value = parser.nextToken();
        if (value == JsonToken.VALUE_STRING || value == JsonToken.VALUE_NUMBER_INT) {
          switch (name) {
            case "type" -> frameType = parser.getText();
            case "id" -> frameId = parser.getText();
            case "sub" -> frameSub = parser.getText();
            default -> parser.finishToken();
          }
        } else {
          parser.skipChildren();
        }
      }
      if (parser.currentToken() != JsonToken.END_OBJECT || parser.nextToken() != null) {
        throw new BadFrame("there is something after the end of the JSON object");
      }
    } catch (JsonProcessingException e) {
      throw new BadFrame("the frame is not valid JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new BadFrame(e.getMessage());
    }
  }

  /** Reads the fields that {@link #identify} did not. */
  static void fields(byte[] bytes, int from, int length, List<String> known, Fields.Taker taker) {
    Fields.readObject(
        bytes,
        from,
        length,
        known,
        (name, parser) -> {
          if (taker.take(name, parser)) {
            return true;
          }
          if (!known.contains(name)) {
            return false;
          }
          switch (name) {
            case "type", "sub" -> Fields.text(name, parser);
            default -> Fields.scalar(name, parser);
          }
          return true;
        });
  }

  private void subscribe(SubscribeFields fields, String id, boolean oneLine) {
    if (fields.events && binary) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "format: cloudevents are JSON; open the socket with " + Sockets.JSON);
    }
    fields.oneLine = oneLine;
    if (draining) {
      throw new SluiceException(
          ErrorCode.SHUTTING_DOWN, "the server is stopping; connect to another gateway");
    }
    if (subscriptions.containsKey(fields.sub)) {
      throw new SluiceException(
          ErrorCode.CONFLICT,
          "the socket has a subscription '" + fields.sub + "' already; take another sub");
    }
    if (subscriptions.size() >= loop.options.maxSubscriptions()) {
      throw new SluiceException(
          ErrorCode.BUSY,
          "the socket has "
              + loop.options.maxSubscriptions()
              + " subscriptions, which is the most; open another socket");
    }
    if (subscriptions.isEmpty()) {
      subscriptions = new LinkedHashMap<>(2);
    }
    String known = loop.routes.knownBrokerFor(fields.topic);
    // The place is taken now, so that a second subscribe of the same name is refused.
    subscriptions.put(fields.sub, null);
    Future<String> broker =
        known != null ? Future.succeededFuture(known) : loop.routes.brokerFor(fields.topic);
    broker.onComplete(
        found -> {
          if (closing) {
            return;
          }
          if (found.failed()) {
            subscriptions.remove(fields.sub);
            refused(Answers.known(found.cause()), id, fields);
          } else {
            start(fields, id, found.result());
          }
        });
  }

  private void start(SubscribeFields fields, String id, String broker) {
    if (fields.isGroup()) {
      Subscription subscription = new GroupSubscription(this, fields, broker);
      subscriptions.put(fields.sub, subscription);
      subscription.start(false);
      return;
    }
    ReaderSubscription reader = new ReaderSubscription(this, fields, broker);
    subscriptions.put(fields.sub, reader);
    reader
        .open()
        .onComplete(
            opened -> {
              if (reader.isClosed()) {
                return;
              }
              if (opened.succeeded()) {
                reader.start(true);
              } else {
                reader.close();
                subscriptions.remove(fields.sub);
                refused(Answers.known(opened.cause()), id, fields);
              }
            });
  }

  private void refused(SluiceException error, String id, SubscribeFields fields) {
    if (fields.oneLine) {
      refuse(error, fields.sub);
    } else {
      sendError(error, id, fields.sub);
    }
  }

  /** The one-line form failed: the socket has no other purpose. */
  private void refuse(SluiceException error, String sub) {
    sendError(error, null, sub);
    close(SocketClose.of(error.code()), error.getMessage());
  }

  private void credit(byte[] bytes, int from, int length) {
    long[] amounts = new long[2];
    fields(
        bytes,
        from,
        length,
        CREDIT_FIELDS,
        (name, parser) -> {
          switch (name) {
            case "messages" ->
                amounts[0] = Fields.number(name, parser, 0, SubscribeFields.MAX_CREDIT);
            case "bytes" ->
                amounts[1] = Fields.number(name, parser, 0, SubscribeFields.MAX_CREDIT_BYTES);
            default -> {
              return false;
            }
          }
          return true;
        });
    Subscription subscription = subscription();
    // Who counts messages only is not to run dry of bytes.
    long moreBytes = amounts[1] > 0 ? amounts[1] : amounts[0] * BYTES_PER_MESSAGE;
    subscription.addCredit(amounts[0], moreBytes);
  }

  private void settle(byte[] bytes, int from, int length) {
    Settlements settlements = new Settlements();
    fields(bytes, from, length, SETTLE_FIELDS, settlements::take);
    List<String> groups = frameSub == null ? groups() : List.of(group(subscription()));
    String id = frameId;
    settlements
        .settle(loop.brokers, groups)
        .onComplete(
            done -> {
              if (done.failed()) {
                sendError(Answers.known(done.cause()), id, null);
                return;
              }
              loop.counters.settled.add(settlements.count());
              returnCredit(settlements);
              send(
                  out -> {
                    out.raw("{\"type\":\"settled\"");
                    if (id != null) {
                      out.next("id").string(id);
                    }
                    out.next("results");
                    settlements.writeResults(out);
                    out.raw('}');
                  });
            });
  }

  private void returnCredit(Settlements settlements) {
    for (int i = 0; i < settlements.count(); i++) {
      if (settlements.kind(i) == Kind.EXTEND || settlements.outcome(i) == Outcome.UNKNOWN) {
        continue;
      }
      for (Subscription subscription : subscriptions.values()) {
        if (subscription != null
            && subscription.hasOutstanding()
            && settlements.group(i).equals(subscription.fields.group)
            && settlements.topic(i).equals(subscription.fields.topic)) {
          subscription.settled(1);
          break;
        }
      }
    }
  }

  private List<String> groups() {
    List<String> groups = new ArrayList<>(2);
    for (Subscription subscription : subscriptions.values()) {
      if (subscription != null
          && subscription.fields.isGroup()
          && !groups.contains(subscription.fields.group)) {
        groups.add(subscription.fields.group);
      }
    }
    return groups;
  }

  private static String group(Subscription subscription) {
    if (!subscription.fields.isGroup()) {
      throw new SluiceException(
          ErrorCode.CONFLICT,
          "the subscription '" + subscription.fields.sub + "' settles nothing: it reads");
    }
    return subscription.fields.group;
  }

  private void seek(byte[] bytes, int from, int length) {
    Position.From[] to = new Position.From[1];
    boolean[] byOffsets = new boolean[1];
    fields(
        bytes,
        from,
        length,
        SEEK_FIELDS,
        (name, parser) -> {
          if (!name.equals("to")) {
            return false;
          }
          byOffsets[0] = parser.currentToken() == JsonToken.START_OBJECT;
          to[0] = place(name, parser);
          return true;
        });
    if (to[0] == null) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "to is missing: earliest, latest, a time or a position");
    }
    Subscription subscription = subscription();
    if (byOffsets[0] && !subscription.fields.isGroup()) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "to: offsets are for groups; a reader goes to earliest, latest, a time or a position");
    }
    String id = frameId;
    String sub = subscription.fields.sub;
    subscription
        .seek(to[0])
        .onComplete(
            done -> {
              if (done.succeeded()) {
                sendOk(id, sub, subscription.position());
              } else {
                sendError(Answers.known(done.cause()), id, sub);
              }
            });
  }

  /** A text as in a subscription, or an object as over HTTP. */
  private static Position.From place(String name, JsonParser parser) throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      return Position.from(name, SubscribeFields.timeOrText(name, parser));
    }
    PositionFields fields = new PositionFields();
    fields.take(name, parser);
    return fields.place();
  }

  private void publish(
      byte[] bytes, int from, int length, int bodyAt, int bodyBytes, long receivedNs) {
    String[] topicAndAck = new String[2];
    MessageDraft draft = loop.draft.start(null);
    items.begin(bytes, from, draft);
    fields(
        bytes,
        from,
        length,
        PUBLISH_FIELDS,
        (name, parser) -> {
          switch (name) {
            case "topic" -> topicAndAck[0] = Fields.text(name, parser);
            case "ack" -> topicAndAck[1] = Fields.text(name, parser);
            case "event" -> {
              items.oneBody();
              loop.events.readNext(parser, bytes, from, draft);
            }
            case "replyWait" -> draft.replyWait(name, Fields.text(name, parser));
            default -> {
              return items.take(name, parser);
            }
          }
          return true;
        });
    endItem(draft, bytes, bodyAt, bodyBytes);
    if (topicAndAck[0] == null) {
      throw new SluiceException(ErrorCode.INVALID_ARGUMENT, "topic is missing");
    }
    if (draining) {
      throw new SluiceException(
          ErrorCode.SHUTTING_DOWN, "the server is stopping; send to another gateway");
    }
    draft.topic(TopicNames.checkUsable(topicAndAck[0]));
    AckLevel ack =
        topicAndAck[1] == null ? loop.options.defaultAck() : SluiceHeaders.ack(topicAndAck[1]);
    Publish publish = new Publish(frameId, draft.topic(), ack, length + bodyBytes);
    if (draft.replyWaitMs() > 0) {
      new SocketRequest(this, frameId, () -> published(publish.bytes))
          .start(draft, ack, bornHost, receivedNs);
    } else {
      loop.sends.add(draft, ack, bornHost, receivedNs, publish);
      publish.messageId = draft.messageId();
    }
    draft.forgetBody();
    publishing++;
    publishingBytes += publish.bytes;
    if (!readingPaused
        && (publishing >= MAX_PUBLISHING || publishingBytes >= MAX_PUBLISHING_BYTES)) {
      readingPaused = true;
      webSocket.pause();
    }
  }

  /** Takes the body from behind the header, if it is there, and checks that there is one. */
  private void endItem(MessageDraft draft, byte[] bytes, int bodyAt, int bodyBytes) {
    if (binary && !items.hasBody()) {
      draft.body(bytes, bodyAt, bodyBytes);
    } else if (bodyBytes > 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "there are two bodies: one in the header, one behind it");
    } else {
      items.end();
    }
  }

  private void reply(byte[] bytes, int from, int length, int bodyAt, int bodyBytes) {
    ReplyTo[] to = new ReplyTo[1];
    MessageDraft draft = loop.draft.start(ReplyHandler.TOPIC);
    items.begin(bytes, from, draft);
    fields(
        bytes,
        from,
        length,
        REPLY_FIELDS,
        (name, parser) -> {
          if (name.equals("replyTo")) {
            to[0] = ReplyTo.parse(Fields.text(name, parser));
            return true;
          }
          return REPLY_FIELDS.contains(name) && items.take(name, parser);
        });
    endItem(draft, bytes, bodyAt, bodyBytes);
    if (to[0] == null) {
      throw new SluiceException(ErrorCode.INVALID_ARGUMENT, "replyTo is missing");
    }
    String id = frameId;
    ReplyHandler.send(loop, draft, to[0], bornHost)
        .onComplete(
            sent -> {
              if (sent.succeeded()) {
                sendOk(id, null, null);
              } else {
                sendError(Answers.known(sent.cause()), id, null);
              }
            });
    draft.forgetBody();
  }

  /** Sends the reply to a request of this socket; false if the socket is closed. */
  boolean sendReply(String id, MessageView message) {
    if (closed) {
      return false;
    }
    loop.bodies.plain(message);
    JsonText out = loop.json.clear();
    int frame = output.begin(out);
    int header = binary ? Subscription.beginHeader(out) : 0;
    out.raw("{\"type\":\"reply\",");
    if (id != null) {
      out.name("id").string(id).raw(',');
    }
    if (binary) {
      loop.messageJson.writeReplyHead(out, message);
      out.raw('}');
      Subscription.endHeader(out, header);
      out.raw(message.buffer(), message.bodyPosition(), message.bodyBytes());
    } else {
      loop.messageJson.writeReply(out, message);
      out.raw('}');
    }
    output.end(out, frame);
    output.write(out);
    return true;
  }

  private void published(int bytes) {
    publishing--;
    publishingBytes -= bytes;
    if (readingPaused
        && publishing <= MAX_PUBLISHING / 2
        && publishingBytes <= MAX_PUBLISHING_BYTES / 2) {
      readingPaused = false;
      // What the client said meanwhile waits to be read; it was not silent.
      lastHeardMs = loop.clock.nowMs();
      webSocket.resume();
    }
  }

  private void sendOk(String id, String sub, String position) {
    send(
        out -> {
          out.raw("{\"type\":\"ok\"");
          if (id != null) {
            out.next("id").string(id);
          }
          if (sub != null) {
            out.next("sub").string(sub);
          }
          if (position != null) {
            out.next("position").string(position);
          }
          out.raw('}');
        });
  }

  private Subscription subscription() {
    Subscription subscription = frameSub == null ? null : subscriptions.get(frameSub);
    if (subscription == null) {
      throw new SluiceException(
          ErrorCode.NOT_FOUND,
          frameSub == null
              ? "sub is missing: which subscription"
              : "the socket has no subscription '" + frameSub + "'");
    }
    return subscription;
  }

  private void releaseAll() {
    for (Subscription subscription : subscriptions.values()) {
      if (subscription != null) {
        subscription.close();
      }
    }
    subscriptions = Map.of();
  }

  private void closed() {
    if (!closed) {
      closed = true;
      closing = true;
      releaseAll();
      if (transactions != null) {
        transactions.close();
      }
      onClosed.accept(this);
    }
  }

  private static List<String> itemFields(String... own) {
    List<String> fields = new ArrayList<>(List.of(own));
    fields.addAll(ItemReader.FIELDS);
    return List.copyOf(fields);
  }

  /** The frame cannot be understood at all; the socket is closed. */
  private static final class BadFrame extends RuntimeException {

    private static final long serialVersionUID = 1L;

    BadFrame(String detail) {
      super(detail, null, false, false);
    }
  }

  /** One published message that waits for its answer. */
  private final class Publish implements SendCollector.Sender {

    private final String id;
    private final String topic;
    private final AckLevel ack;
    private final int bytes;
    private String messageId;

    Publish(String id, String topic, AckLevel ack, int bytes) {
      this.id = id;
      this.topic = topic;
      this.ack = ack;
      this.bytes = bytes;
    }

    @Override
    public void answered(AppendReply reply, int index) {
      if (reply.error(index) != null) {
        failed(reply.error(index));
        return;
      }
      send(
          out -> {
            out.raw("{\"type\":\"ok\",");
            if (id != null) {
              out.name("id").string(id).raw(',');
            }
            SendAnswer.writeFields(out, messageId, topic, reply, index, ack);
            out.raw('}');
          });
      published(bytes);
    }

    @Override
    public void failed(SluiceException failure) {
      sendError(failure, id, null);
      published(bytes);
    }
  }
}
