package io.sluice.remoting;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import io.vertx.core.internal.net.NetSocketInternal;
import io.vertx.core.net.SocketAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * One client's connection: cuts its bytes into commands, hands requests out, matches responses to
 * our own requests, and collects what is to be written so that everything of one turn of the event
 * loop leaves with one flush. All fields belong to the connection's event loop.
 *
 * <p>Flow: while too much work is in flight or the client does not read its answers, nothing more
 * is read from it.
 */
final class ClientConnection {

  private static final System.Logger LOG = System.getLogger(ClientConnection.class.getName());

  /**
   * Requests in flight before reading pauses. A client's own window of asynchronous sends is a few
   * hundred to some thousand; waiting pulls do not count.
   */
  static final int MAX_IN_FLIGHT = 8_192;

  /** Bodies in flight before reading pauses: one frame of the largest size always fits. */
  static final int MAX_IN_FLIGHT_BYTES = 16 * 1024 * 1024;

  /** Waiting pulls of one client: as many as RocketMQ's clients have permits for. */
  static final int MAX_PARKED = 65_536;

  /** Answers not written yet before reading pauses, in bytes. */
  static final int WRITE_QUEUE_BYTES = 1024 * 1024;

  private static final int FIRST_OUT_BYTES = 1024;

  private final NetSocketInternal socket;
  private final Vertx vertx;
  private final Context context;
  private final String holder;
  private final SocketAddress remoteAddress;
  private final byte[] remoteHost;
  private final FrameDecoder decoder;
  private final Consumer<Exchange> requests;
  private final JsonWriter header = new JsonWriter();
  private final Map<Integer, PendingCall> calls = new HashMap<>();

  private int nextOpaque;
  private int inFlight;
  private long inFlightBytes;
  private int parked;
  private boolean paused;
  private boolean closed;

  private final List<ByteBuf> out = new ArrayList<>();
  private ByteBuf tail;
  private List<Outgoing> outMessages = new ArrayList<>();
  private boolean flushScheduled;

  /** Messages on their way into the socket. */
  private record Outgoing(MessageBlock block, Runnable whenWritten) {}

  private record PendingCall(Promise<Command> promise, long timer) {}

  ClientConnection(
      Vertx vertx,
      NetSocketInternal socket,
      String holder,
      int maxFrameBytes,
      Consumer<Exchange> requests) {
    this.vertx = vertx;
    this.socket = socket;
    this.holder = holder;
    this.requests = requests;
    context = vertx.getOrCreateContext();
    decoder = new FrameDecoder(maxFrameBytes);
    remoteAddress = socket.remoteAddress();
    remoteHost = hostBytes(remoteAddress);
    socket.setWriteQueueMaxSize(WRITE_QUEUE_BYTES);
    socket.handler(this::read);
    socket.drainHandler(nothing -> flow());
  }

  /** Names this connection in the whole process; see {@link io.sluice.bus.Addresses#front}. */
  String holder() {
    return holder;
  }

  String remoteAddress() {
    return remoteAddress.host() + ":" + remoteAddress.port();
  }

  /** The client's address as it stands in a record: 8 bytes, or 20 with IPv6. */
  byte[] remoteHost() {
    return remoteHost;
  }

  /** Ends the connection; what was answered before still leaves. */
  void close() {
    flush();
    socket.close();
  }

  /** Whether the client takes what is written to it. */
  boolean takesMore() {
    return !closed && !socket.writeQueueFull();
  }

  /** Sends a request that wants no answer. */
  void tell(int code, ExtFields fields, byte[] body) {
    write(
        Command.HeaderType.JSON,
        code,
        nextOpaque++,
        Command.FLAG_ONEWAY,
        null,
        fields,
        body,
        body == null ? 0 : body.length);
  }

  /**
   * Sends a request to the client.
   *
   * @return the client's response, or TIMEOUT, or BROKER_UNAVAILABLE if the connection is gone
   */
  Future<Command> ask(int code, ExtFields fields, byte[] body, long timeoutMs) {
    Promise<Command> promise = Promise.promise();
    if (closed) {
      promise.fail(gone());
      return promise.future();
    }
    int opaque = nextOpaque++;
    long timer =
        vertx.setTimer(
            timeoutMs,
            id -> {
              PendingCall call = calls.remove(opaque);
              if (call != null) {
                call.promise.fail(
                    new SluiceException(
                        ErrorCode.TIMEOUT,
                        "client "
                            + remoteAddress()
                            + " did not answer code "
                            + code
                            + " within "
                            + timeoutMs
                            + " ms"));
              }
            });
    calls.put(opaque, new PendingCall(promise, timer));
    write(
        Command.HeaderType.JSON,
        code,
        opaque,
        0,
        null,
        fields,
        body,
        body == null ? 0 : body.length);
    return promise.future();
  }

  /** Answers a request. */
  void respond(
      Command request, int code, String remark, ExtFields fields, byte[] body, int bodyBytes) {
    write(
        request.type, code, request.opaque, Command.FLAG_RESPONSE, remark, fields, body, bodyBytes);
  }

  /**
   * Answers a request with slices of the log, which are not copied; closes the block when written.
   *
   * @param whenWritten hears when the socket has taken the bytes
   */
  void respondMessages(
      Command request, String remark, ExtFields fields, MessageBlock block, Runnable whenWritten) {
    if (closed) {
      block.close();
      return;
    }
    long bodyBytes = 0;
    for (int i = 0; i < block.count(); i++) {
      bodyBytes += block.size(i);
    }
    writeHeader(
        request.type,
        ResponseCode.SUCCESS,
        request.opaque,
        Command.FLAG_RESPONSE,
        remark,
        fields,
        (int) bodyBytes);
    addSlices(block);
    outMessages.add(new Outgoing(block, whenWritten));
    scheduleFlush();
  }

  /** Moves a request from work in flight to those that wait; false if too many wait. */
  boolean park(Command request) {
    if (parked >= MAX_PARKED) {
      return false;
    }
    parked++;
    leave(request);
    return true;
  }

  /** Whether requests wait at the Broker. */
  boolean hasParked() {
    return parked > 0;
  }

  /** Notes that a request is done with. */
  void finished(Command request, boolean wasParked) {
    if (wasParked) {
      parked--;
    } else {
      leave(request);
    }
  }

  /** The socket is gone: undoes everything that hangs on it. */
  void closed() {
    closed = true;
    for (PendingCall call : List.copyOf(calls.values())) {
      vertx.cancelTimer(call.timer);
      call.promise.fail(gone());
    }
    calls.clear();
    out.forEach(ByteBuf::release);
    out.clear();
    tail = null;
    outMessages.forEach(outgoing -> outgoing.block.close());
    outMessages.clear();
  }

  private SluiceException gone() {
    return new SluiceException(
        ErrorCode.BROKER_UNAVAILABLE, "client " + remoteAddress() + " is gone");
  }

  private void leave(Command request) {
    inFlight--;
    inFlightBytes -= request.bodyBytes();
    flow();
  }

  private void read(Buffer buffer) {
    ByteBuf bytes = ((BufferInternal) buffer).getByteBuf();
    try {
      if (bytes.hasArray()) {
        int from = bytes.arrayOffset() + bytes.readerIndex();
        decoder.feed(bytes.array(), from, from + bytes.readableBytes(), this::accept);
      } else {
        decoder.feed(buffer.getBytes(), 0, buffer.length(), this::accept);
      }
    } catch (MalformedFrameException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "closing the connection of {0}: {1}",
          remoteAddress(),
          e.getMessage());
      socket.handler(null);
      close();
    }
  }

  private void accept(Command command) {
    if (command.isResponse()) {
      PendingCall call = calls.remove(command.opaque);
      if (call != null) {
        vertx.cancelTimer(call.timer);
        call.promise.complete(command);
      }
      return;
    }
    inFlight++;
    inFlightBytes += command.bodyBytes();
    requests.accept(new Exchange(this, command));
    flow();
  }

  /** Stops or goes on reading, as the bounds say. */
  private void flow() {
    boolean full =
        inFlight >= MAX_IN_FLIGHT
            || inFlightBytes >= MAX_IN_FLIGHT_BYTES
            || socket.writeQueueFull();
    boolean low = inFlight <= MAX_IN_FLIGHT / 2 && inFlightBytes <= MAX_IN_FLIGHT_BYTES / 2;
    if (full && !paused) {
      paused = true;
      socket.pause();
    } else if (paused && low && !full) {
      paused = false;
      socket.resume();
    }
  }

  private void write(
      Command.HeaderType type,
      int code,
      int opaque,
      int flag,
      String remark,
      ExtFields fields,
      byte[] body,
      int bodyBytes) {
    if (closed) {
      return;
    }
    writeHeader(type, code, opaque, flag, remark, fields, bodyBytes);
    if (bodyBytes > 0) {
      tail.writeBytes(body, 0, bodyBytes);
    }
    scheduleFlush();
  }

  private void writeHeader(
      Command.HeaderType type,
      int code,
      int opaque,
      int flag,
      String remark,
      ExtFields fields,
      int bodyBytes) {
    byte[] bytes;
    int length;
    int typeByte;
    if (type == Command.HeaderType.JSON) {
      header.clear();
      HeaderCodec.writeJson(header, code, opaque, flag, remark, fields);
      bytes = header.bytes();
      length = header.size();
      typeByte = HeaderCodec.TYPE_JSON;
    } else {
      bytes = HeaderCodec.binary(code, opaque, flag, remark, fields);
      length = bytes.length;
      typeByte = HeaderCodec.TYPE_BINARY;
    }
    if (tail == null) {
      tail = allocator().directBuffer(Math.max(FIRST_OUT_BYTES, length + 8));
      out.add(tail);
    }
    tail.writeInt(4 + length + bodyBytes);
    tail.writeInt(typeByte << 24 | length);
    tail.writeBytes(bytes, 0, length);
  }

  /** Adds the messages' bytes by reference; neighbours in the log become one slice. */
  private void addSlices(MessageBlock block) {
    int first = 0;
    while (first < block.count()) {
      ByteBuffer buffer = block.buffer(first);
      int from = block.position(first);
      int to = from + block.size(first);
      int next = first + 1;
      while (next < block.count() && block.buffer(next) == buffer && block.position(next) == to) {
        to += block.size(next);
        next++;
      }
      out.add(Unpooled.wrappedBuffer(buffer.duplicate().limit(to).position(from)));
      first = next;
    }
    tail = null;
  }

  private void scheduleFlush() {
    if (!flushScheduled) {
      flushScheduled = true;
      context.runOnContext(nothing -> flush());
    }
  }

  private void flush() {
    flushScheduled = false;
    if (closed || out.isEmpty()) {
      return;
    }
    ByteBuf whole = out.size() == 1 ? out.get(0) : composite();
    out.clear();
    tail = null;
    List<Outgoing> messages = outMessages;
    if (!messages.isEmpty()) {
      outMessages = new ArrayList<>();
    }
    socket
        .writeMessage(whole)
        .onComplete(
            written -> {
              for (Outgoing outgoing : messages) {
                outgoing.block.close();
                if (written.succeeded()) {
                  outgoing.whenWritten.run();
                }
              }
              if (written.failed() && whole.refCnt() > 0) {
                // A write that the socket refused because it is closed keeps its buffer.
                whole.release();
              }
            });
    flow();
  }

  private ByteBuf composite() {
    CompositeByteBuf composite = allocator().compositeDirectBuffer(Math.max(16, out.size()));
    for (ByteBuf part : out) {
      composite.addComponent(true, part);
    }
    return composite;
  }

  private ByteBufAllocator allocator() {
    return socket.channelHandlerContext().alloc();
  }

  private static byte[] hostBytes(SocketAddress address) {
    InetAddress inet;
    try {
      inet = InetAddress.getByName(address.hostAddress());
    } catch (UnknownHostException e) {
      inet = InetAddress.getLoopbackAddress();
    }
    return hostBytes(new InetSocketAddress(inet, address.port()));
  }

  /**
   * An address as it stands in records and message ids: its 4 or 16 bytes, then a four-byte port.
   */
  static byte[] hostBytes(InetSocketAddress address) {
    byte[] ip = address.getAddress().getAddress();
    return ByteBuffer.allocate(ip.length + 4).put(ip).putInt(address.getPort()).array();
  }
}
