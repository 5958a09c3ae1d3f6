package io.sluice.gateway;

import io.netty.util.AsciiString;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.metrics.Stage;
import io.vertx.core.AsyncResult;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;

/**
 * Server-sent events: the messages of a topic as they come, each with its position as id. One read
 * waits at the Broker; the next is sent when the client has taken what was written. Owned by an
 * event loop.
 */
final class EventStream {

  private static final CharSequence TYPE = AsciiString.cached("text/event-stream");

  /** Most messages and bytes of one read: what is written at once to a client that keeps up. */
  private static final int READ_MAX = 256;

  private static final int READ_MAX_BYTES = 256 << 10;

  /** A wait ends after this time, and the stream looks for new queues. */
  private static final long WAIT_MS = 20_000;

  private final Loop loop;
  private final HttpServerRequest request;
  private final HttpServerResponse response;
  private final Connections.Tracked connection;
  private final Caller caller;
  private final EventStreams streams;
  private final String topic;
  private final Filter filter;
  private final boolean events;
  private final MessageView view = new MessageView();
  private TopicReader reader;
  private long lastWriteMs;

  /**
   * Written, and not taken by the client: what the kernel, or HTTP/2's flow control, holds back.
   */
  private long unwrittenBytes;

  /** When the client took something last, or began to have something to take. */
  private long takenMs;

  private boolean waitsForRoom;
  private boolean closed;

  EventStream(Call call, EventStreams streams, String topic, Filter filter, boolean events) {
    this.events = events;
    loop = call.loop;
    request = call.request;
    response = call.response;
    connection = call.connection;
    caller = call.caller;
    this.streams = streams;
    this.topic = topic;
    this.filter = filter;
  }

  void start(Position.From from) {
    streams.add(this);
    connection.begin();
    response.exceptionHandler(ignored -> close());
    response.closeHandler(ignored -> close());
    loop.brokerToRead(topic)
        .compose(
            broker -> {
              reader = new TopicReader(loop.brokers, broker, topic, filter, loop.ids.next());
              return reader.start(from);
            })
        .onComplete(this::started);
  }

  /** Keeps the stream alive, and gives up on a client that takes nothing. */
  void tick(long nowMs) {
    if (closed || !response.headWritten()) {
      return;
    }
    if (caller.isExpired(nowMs)) {
      end();
    } else if (unwrittenBytes > 0 && nowMs - takenMs > loop.options.stallTimeout().toMillis()) {
      loop.counters.timedOut.increment();
      close();
      connection.abort(request);
    } else if (nowMs - lastWriteMs >= loop.options.commentInterval().toMillis()) {
      write(loop.json.clear().raw(":\n\n"));
    }
  }

  /** Ends the stream; the client comes back with the last id. */
  void end() {
    if (!closed) {
      close();
      if (response.headWritten()) {
        response.end();
      }
    }
  }

  private void started(AsyncResult<Position> position) {
    if (closed) {
      return;
    }
    if (position.failed()) {
      close();
      Answers.problem(loop, response, position.cause());
      return;
    }
    response
        .setStatusCode(200)
        .putHeader(HttpHeaders.CONTENT_TYPE, TYPE)
        .putHeader(HttpHeaders.CACHE_CONTROL, "no-store")
        .setChunked(true);
    // The id of the place itself, so that a client that saw no message resumes here as well.
    write(loop.json.clear().raw("id: ").raw(position.result().toText()).raw("\n:\n\n"));
    read();
  }

  private void read() {
    reader.read(READ_MAX, READ_MAX_BYTES, WAIT_MS).onComplete(this::wasRead);
  }

  private void wasRead(AsyncResult<ReadReply> answer) {
    if (answer.failed()) {
      // The client resumes by itself, with its last id.
      end();
      return;
    }
    ReadReply reply = answer.result();
    MessageBlock block = reply.messages();
    int count = block.count();
    if (closed) {
      block.close();
      return;
    }
    if (count == 0) {
      block.close();
      reader.passed(reply);
      reader.refresh().onComplete(ignored -> readIfRoom());
      return;
    }
    long receivedNs = loop.clock.nowNs();
    writeEvents(block, reply);
    loop.latencies.record(Stage.DELIVERY, loop.clock.nowNs() - receivedNs, count);
    readIfRoom();
  }

  private void writeEvents(MessageBlock stored, ReadReply reply) {
    MessageBlock block = loop.bodies.plain(stored);
    int count = block.count();
    JsonText out = loop.json.clear();
    Position at = reader.position();
    long bytes = 0;
    for (int i = 0; i < count; i++) {
      block.view(i, view);
      bytes += view.size();
      at.passed(view.queueId(), view.queueOffset());
      out.raw("id: ").raw(at.toText()).raw("\ndata: ");
      int from = out.size();
      if (events) {
        loop.eventJson.write(out, view, topic, null, 0);
      } else {
        out.raw('{');
        loop.messageJson.write(out, view, topic, 0);
        out.raw('}');
      }
      // A line end in a JSON body would end the event's line; between values it is only a blank.
      for (int j = from; j < out.size(); j++) {
        if (out.bytes()[j] == '\n' || out.bytes()[j] == '\r') {
          out.bytes()[j] = ' ';
        }
      }
      out.raw("\n\n");
    }
    block.close();
    reader.passed(reply);
    loop.counters.messagesOut.add(count);
    loop.counters.bytesOut.add(bytes);
    write(out);
  }

  private void readIfRoom() {
    if (closed) {
      return;
    }
    waitsForRoom = unwrittenBytes >= READ_MAX_BYTES;
    if (!waitsForRoom) {
      read();
    }
  }

  /** Vert.x' own measure counts the writes of an HTTP/2 stream and not their bytes. */
  private void write(JsonText out) {
    Buffer events = out.toBuffer();
    int bytes = events.length();
    lastWriteMs = loop.clock.nowMs();
    if (unwrittenBytes == 0) {
      takenMs = lastWriteMs;
    }
    unwrittenBytes += bytes;
    connection.touch();
    response.write(events).onComplete(done -> written(bytes));
  }

  private void written(int bytes) {
    unwrittenBytes -= bytes;
    takenMs = loop.clock.nowMs();
    if (waitsForRoom) {
      readIfRoom();
    }
  }

  private void close() {
    if (!closed) {
      closed = true;
      connection.end();
      streams.remove(this);
      if (reader != null) {
        reader.release();
      }
    }
  }
}
