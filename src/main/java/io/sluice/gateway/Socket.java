package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageView;
import io.sluice.util.NearestName;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.http.WebSocketFrame;
import io.vertx.core.http.WebSocketFrameType;
import io.vertx.core.http.impl.ws.WebSocketFrameInternal;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
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

  static final List<String> PING_FIELDS = List.of("type", "id");
  static final List<String> AUTH_FIELDS = List.of("type", "id", "token");

  private static final String SAY_WHO =
      "say first who you are: {\"type\":\"auth\",\"token\":\"...\"}";

  /** Dispatch to a socket stops with so many bytes written and not taken: one burst and a half. */
  private static final int MAX_UNWRITTEN_BYTES = 768 << 10;

  /** Time for a close frame to arrive and be answered; a client that reads nothing gets no more. */
  private static final long CLOSE_MS = 2_000;

  private final Loop loop;
  private final ServerWebSocket webSocket;
  private final boolean binary;
  private final Consumer<Socket> onClosed;
  private final FrameOutput output;
  private final ChannelHandlerContext channel;
  private final SocketSends sends;
  private final SocketSubscriptions subscriptions;
  private SocketTransactions transactions;
  private byte[] partial;
  private int partialBytes;
  private WebSocketFrameType partialType;
  private long lastHeardMs;
  private long lastPingMs;
  private final StallWatch stall = new StallWatch();
  private final ReadingGate gate = new ReadingGate(this);
  private boolean draining;
  private boolean closing;
  private long closeByMs = Long.MAX_VALUE;

  /** Who talks; null as long as it has not said. */
  private Caller caller;

  /** The subscription of the one-line form, until it is known who talks. */
  private SubscribeFields oneLine;

  private long sayWhoByMs;
  private boolean closed;

  // Of the frame that is being read.
  private String frameType;
  private String frameId;
  private String frameSub;
  private String frameTopic;

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
    this.onClosed = onClosed;
    output = new FrameOutput(loop, channel, binary ? FrameOutput.BINARY : FrameOutput.TEXT);
    sends = new SocketSends(this, bornHost);
    subscriptions = new SocketSubscriptions(this);
    lastHeardMs = loop.clock.nowMs();
    lastPingMs = lastHeardMs;
  }

  /**
   * Starts to talk.
   *
   * @param caller who has opened it, or null if that is still to be said
   * @param oneLine the subscription of the one-line form, or null
   */
  void open(Caller caller, SubscribeFields oneLine) {
    this.oneLine = oneLine;
    sayWhoByMs = lastHeardMs + loop.options.firstRequestTimeout().toMillis();
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
    if (caller != null) {
      talksAs(caller);
    }
  }

  private void talksAs(Caller caller) {
    this.caller = caller;
    if (oneLine != null) {
      SubscribeFields asked = oneLine;
      oneLine = null;
      subscriptions.only(asked);
    }
  }

  /** Who talks. */
  Caller caller() {
    return caller;
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

  /** Whether the server is about to stop, and takes nothing new. */
  boolean isDraining() {
    return draining;
  }

  /** Whether it is closed, or about to be. */
  boolean isClosing() {
    return closing;
  }

  /** A frame of this size waits for its answer; with too many of them no more are read. */
  void begun(int bytes) {
    gate.begun(bytes);
  }

  /** A frame of this size was answered. */
  void answered(int bytes) {
    gate.answered(bytes);
  }

  /** Reads no frames; for the gate alone. */
  void pauseReading() {
    webSocket.pause();
    // Pings are answered before anybody is asked whether he reads.
    channel.channel().config().setAutoRead(false);
  }

  /** Goes on reading; for the gate alone. */
  void resumeReading() {
    // What the client said meanwhile waits to be read; it was not silent.
    lastHeardMs = loop.clock.nowMs();
    channel.channel().config().setAutoRead(true);
    webSocket.resume();
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
    if (caller == null ? nowMs >= sayWhoByMs : caller.isExpired(nowMs)) {
      close(
          SocketClose.UNAUTHENTICATED,
          caller == null ? SAY_WHO : "the token expired; connect again with a new one");
      return;
    }
    if (stall.stalledMs(channel.channel(), nowMs) > loop.options.stallTimeout().toMillis()) {
      // A close frame would only stand behind what is not taken either.
      loop.counters.timedOut.increment();
      closing = true;
      subscriptions.close();
      channel.close();
      return;
    }
    // Pongs of the WebSocket protocol go past the output, which so does not tell when they went.
    gate.unwritten(unwrittenBytes());
    if (!gate.isClosed() && nowMs - lastHeardMs > loop.options.socketTimeout().toMillis()) {
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
    subscriptions.close();
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
    subscriptions.ended(subscription, error);
  }

  private void written() {
    gate.unwritten(unwrittenBytes());
    if (!closing && takesMore()) {
      subscriptions.arm();
    }
  }

  /** Bytes written that the kernel has not taken, those of pongs included. */
  private long unwrittenBytes() {
    return output.collectedBytes() + Connections.pendingBytes(channel.channel());
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
    read(frame);
    gate.unwritten(unwrittenBytes());
  }

  private void read(WebSocketFrame frame) {
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
    frameTopic = null;
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
    if (caller != Caller.ANYONE && !isAdmitted()) {
      return;
    }
    switch (frameType) {
      case "publish" -> sends.publish(frameId, bytes, from, length, bodyAt, bodyBytes, receivedNs);
      case "reply" -> sends.reply(frameId, bytes, from, length, bodyAt, bodyBytes);
      case "settle" -> subscriptions.settle(frameId, frameSub, bytes, from, length);
      case "credit" -> subscriptions.credit(frameSub, bytes, from, length);
      case "checkback" -> transactions().checkback(frameId, bytes, from, length);
      case "end" -> transactions().end(frameId, bytes, from, length);
      case "subscribe" -> {
        SubscribeFields fields = new SubscribeFields();
        fields(bytes, from, length, SubscribeFields.FIELDS, fields::take);
        fields.check();
        subscriptions.open(fields, frameId);
      }
      case "unsubscribe" -> {
        fields(
            bytes, from, length, SocketSubscriptions.UNSUBSCRIBE_FIELDS, (name, parser) -> false);
        subscriptions.end(frameId, frameSub);
      }
      case "seek" -> subscriptions.seek(frameId, frameSub, bytes, from, length);
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
      case "auth" -> authenticate(bytes, from, length);
      default -> throw unknownType();
    }
  }

  /** Whether the frame may be acted on; refuses what its sender may not do. */
  private boolean isAdmitted() {
    switch (frameType) {
      case "auth", "ping", "pong" -> {
        return true;
      }
      default -> {
        if (caller == null) {
          close(SocketClose.UNAUTHENTICATED, SAY_WHO);
          return false;
        }
      }
    }
    switch (frameType) {
      case "publish" -> caller.check(Permission.SEND, frameTopic);
      case "subscribe" -> caller.check(Permission.RECEIVE, frameTopic);
      case "reply" -> caller.check(Permission.RECEIVE, null);
      case "checkback", "end" -> caller.check(Permission.SEND, null);
      default -> {
        // Is about a subscription that was allowed.
      }
    }
    return true;
  }

  private void authenticate(byte[] bytes, int from, int length) {
    String[] token = new String[1];
    fields(
        bytes,
        from,
        length,
        AUTH_FIELDS,
        (name, parser) -> name.equals("token") && (token[0] = Fields.text(name, parser)) != null);
    if (token[0] == null) {
      throw new SluiceException(ErrorCode.INVALID_ARGUMENT, "token is missing");
    }
    try {
      Caller known = loop.access.of(token[0], loop.clock.nowMs());
      sendOk(frameId, null, null);
      talksAs(known);
    } catch (SluiceException e) {
      sendError(e, frameId, null);
      close(SocketClose.UNAUTHENTICATED, e.getMessage());
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
            case "topic" -> frameTopic = caller == Caller.ANYONE ? null : parser.getText();
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

  /** Writes that something is done; each of its parts may be null. */
  void sendOk(String id, String sub, String position) {
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

  private void closed() {
    if (!closed) {
      closed = true;
      closing = true;
      subscriptions.close();
      if (transactions != null) {
        transactions.close();
      }
      onClosed.accept(this);
    }
  }

  /** The frame cannot be understood at all; the socket is closed. */
  private static final class BadFrame extends RuntimeException {

    private static final long serialVersionUID = 1L;

    BadFrame(String detail) {
      super(detail, null, false, false);
    }
  }
}
