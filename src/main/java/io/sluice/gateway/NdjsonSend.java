package io.sluice.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.Appends;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.metrics.Stage;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.internal.buffer.BufferInternal;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Sends a stream of lines, each a message. What arrives together goes to the Broker as one segment;
 * the results are written in order while further lines are read. Reading stops while too much waits
 * for the Broker, or while the client does not take the results, so the memory is bounded however
 * long the stream is. Owned by the event loop.
 */
final class NdjsonSend implements Handler<Buffer>, LineSplitter.Lines, Connections.Expirable {

  /** A segment of this size goes to the Broker: some thousand small messages. */
  private static final int SEGMENT_BYTES = 256 << 10;

  /** Bytes that one stream may have at the Broker: four segments keep it busy. */
  private static final int MAX_IN_FLIGHT_BYTES = 1 << 20;

  private final Loop loop;
  private final HttpServerRequest request;
  private final HttpServerResponse response;
  private final Connections.Tracked connection;
  private final String topic;
  private final BatchHeaders headers;
  private final AckLevel ack;
  private final Appends appends;
  private final ItemReader items = new ItemReader();
  private final LineSplitter lines;
  private final Deque<Segment> waiting = new ArrayDeque<>();
  private Segment segment;
  private long chunkReadNs;
  private long lastMs;
  private long fullSinceMs = -1;
  private int inFlightBytes;
  private int lastSegmentBytes = 4096;
  private boolean paused;
  private boolean ended;
  private boolean over;
  private boolean headWritten;
  private boolean firstWritten;

  NdjsonSend(
      Loop loop,
      HttpServerRequest request,
      Connections.Tracked connection,
      String topic,
      BatchHeaders headers) {
    this.loop = loop;
    appends = loop.appends.inOrder();
    this.request = request;
    this.connection = connection;
    this.topic = topic;
    this.headers = headers;
    ack = headers.ack();
    response = request.response();
    lines = new LineSplitter(loop.options.maxLineBytes(), this);
  }

  void start() {
    RequestBody.maybeContinue(request);
    lastMs = loop.clock.nowMs();
    connection.reading(this);
    connection.begin();
    request.handler(this).exceptionHandler(ignored -> close()).endHandler(ignored -> end());
    response.exceptionHandler(ignored -> close());
    response.drainHandler(ignored -> resumeIfRoom());
  }

  @Override
  public void handle(Buffer chunk) {
    if (over) {
      return;
    }
    chunkReadNs = loop.clock.nowNs();
    lastMs = loop.clock.nowMs();
    ByteBuf buffer = ((BufferInternal) chunk).getByteBuf();
    if (buffer.hasArray()) {
      lines.take(
          buffer.array(), buffer.arrayOffset() + buffer.readerIndex(), buffer.readableBytes());
    } else {
      lines.take(ByteBufUtil.getBytes(buffer), 0, buffer.readableBytes());
    }
    loop.draft.forgetBody();
    flush();
    pauseIfFull();
  }

  @Override
  public void line(long number, byte[] bytes, int from, int length) {
    Segment target = segment();
    MessageDraft draft = loop.draft.start(topic);
    try {
      items.readWhole(bytes, from, length, draft);
      headers.applyTo(draft);
      String id = loop.ids.next();
      draft.addTo(
          target.batch,
          id,
          connection.bornHost(),
          loop.clock.nowMs(),
          loop.options.maxMessageBytes());
      target.added(id);
    } catch (SluiceException | IllegalArgumentException e) {
      target.refused(number, Answers.known(e));
    }
    if (target.batch.size() >= SEGMENT_BYTES) {
      flush();
    }
  }

  @Override
  public void tooLong(long number, long bytes) {
    segment()
        .refused(
            number,
            new SluiceException(
                ErrorCode.MESSAGE_TOO_LARGE,
                "the line has "
                    + bytes
                    + " bytes, allowed are "
                    + loop.options.maxLineBytes()
                    + "; send the message by itself"));
  }

  @Override
  public long idleSinceMs() {
    if (!paused) {
      return lastMs;
    }
    return fullSinceMs;
  }

  @Override
  public void expire() {
    // The results so far are out and the rest is unknown: the client has to see a broken answer.
    if (headWritten) {
      close();
      connection.abort(request);
    } else {
      close();
      connection.linger(request);
      Answers.problem(
          loop,
          response,
          new SluiceException(
              ErrorCode.REQUEST_TIMEOUT,
              "no line came for "
                  + loop.options.idleTimeout().toMillis()
                  + " ms; what was sent before may be stored"));
    }
  }

  private Segment segment() {
    if (segment == null) {
      segment = new Segment("line", lastSegmentBytes, chunkReadNs);
    }
    return segment;
  }

  /** Passes the lines on that were read so far. */
  private void flush() {
    Segment sent = segment;
    if (sent == null) {
      return;
    }
    segment = null;
    waiting.add(sent);
    int bytes = sent.batch.size();
    if (sent.batch.count() == 0) {
      sent.failed(null);
      writeAnswered();
      return;
    }
    lastSegmentBytes = Math.min(bytes + bytes / 4, SEGMENT_BYTES + SEGMENT_BYTES / 2);
    inFlightBytes += bytes;
    loop.taken(bytes);
    int count = sent.batch.count();
    loop.latencies.record(Stage.RECEIVE, loop.clock.nowNs() - sent.receivedNs, count);
    appends.append(new AppendRequest(sent.batch, ack, false, sent.receivedNs), new Passed(sent));
  }

  private void settle(int bytes) {
    inFlightBytes -= bytes;
    loop.answered(bytes);
    writeAnswered();
    resumeIfRoom();
  }

  /** Writes the results of all segments that are answered and whose turn it is. */
  private void writeAnswered() {
    if (over) {
      waiting.clear();
      return;
    }
    boolean last = false;
    JsonText out = loop.json.clear();
    boolean any = false;
    while (!waiting.isEmpty() && waiting.peek().isAnswered()) {
      if (!headWritten && !any) {
        out.raw("{\"results\":[");
      }
      any = true;
      if (waiting.poll().write(out, !firstWritten, topic, ack, loop)) {
        firstWritten = true;
      }
    }
    last = ended && waiting.isEmpty();
    if (last) {
      out.raw(headWritten || any ? "]}" : "{\"results\":[]}");
    }
    if (out.size() == 0) {
      return;
    }
    if (!headWritten) {
      headWritten = true;
      response.setStatusCode(200).putHeader(HttpHeaders.CONTENT_TYPE, Answers.JSON);
      if (!last) {
        response.setChunked(true);
      }
    }
    connection.touch();
    if (last) {
      close();
      response.end(out.toBuffer());
    } else {
      response.write(out.toBuffer());
    }
  }

  private void pauseIfFull() {
    if (!paused && (isFull() || response.writeQueueFull())) {
      paused = true;
      fullSinceMs = response.writeQueueFull() ? loop.clock.nowMs() : -1;
      request.pause();
    }
  }

  private void resumeIfRoom() {
    if (!paused || over) {
      return;
    }
    if (response.writeQueueFull()) {
      fullSinceMs = fullSinceMs < 0 ? loop.clock.nowMs() : fullSinceMs;
    } else if (!isFull()) {
      paused = false;
      fullSinceMs = -1;
      lastMs = loop.clock.nowMs();
      request.resume();
    }
  }

  /** One segment of each stream is always let through, so that none waits for the others only. */
  private boolean isFull() {
    return inFlightBytes >= MAX_IN_FLIGHT_BYTES || (inFlightBytes > 0 && !loop.hasRoomFor(0));
  }

  private void end() {
    if (over || ended) {
      return;
    }
    chunkReadNs = loop.clock.nowNs();
    lines.end();
    ended = true;
    connection.read(this);
    flush();
    writeAnswered();
  }

  /** Nothing more is read or written. What was passed on is stored all the same. */
  private void close() {
    if (!over) {
      over = true;
      connection.read(this);
      connection.end();
      if (paused) {
        request.resume();
      }
    }
  }

  /** A segment that is with the Broker. */
  private final class Passed implements Appends.Sender {

    private final Segment sent;

    Passed(Segment sent) {
      this.sent = sent;
    }

    @Override
    public void answered(AppendReply reply, Appends.Part all) {
      loop.counters.messagesIn.add(all.count());
      loop.counters.bytesIn.add(all.bytes());
      sent.answered(reply);
      settle(all.bytes());
    }

    @Override
    public void failed(SluiceException failure, Appends.Part all) {
      sent.failed(failure);
      settle(all.bytes());
    }
  }
}
