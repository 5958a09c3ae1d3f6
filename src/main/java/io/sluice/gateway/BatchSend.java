package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.Appends;
import io.sluice.bus.SluiceException;
import io.sluice.metrics.Stage;
import io.vertx.core.http.HttpServerRequest;
import java.io.IOException;
import java.util.List;

/**
 * Sends a batch that is read whole: a JSON array, or lines that are to be stored all or none. One
 * request to the Broker. Owned by the event loop.
 */
final class BatchSend implements RequestBody.Receiver, LineSplitter.Lines, Appends.Sender {

  static final List<String> FIELDS = List.of("messages");

  private final Loop loop;
  private final HttpServerRequest request;
  private final Connections.Tracked connection;
  private final String topic;
  private final BatchHeaders headers;
  private final AckLevel ack;
  private final boolean lines;
  private final boolean atomic;
  private final boolean events;
  private final ItemReader items = new ItemReader();
  private Segment segment;
  private long index;

  /**
   * A batch.
   *
   * @param lines whether the body is NDJSON
   * @param atomic whether all or none are stored
   * @param events whether the items are structured CloudEvents
   */
  BatchSend(
      Loop loop,
      HttpServerRequest request,
      Connections.Tracked connection,
      String topic,
      BatchHeaders headers,
      boolean lines,
      boolean atomic,
      boolean events) {
    this.events = events;
    this.loop = loop;
    this.request = request;
    this.connection = connection;
    this.topic = topic;
    this.headers = headers;
    ack = headers.ack();
    this.lines = lines;
    this.atomic = atomic;
  }

  @Override
  public void received(byte[] bytes, int from, int length) {
    segment = new Segment(lines ? "line" : "index", length + length / 4 + 256, loop.clock.nowNs());
    if (lines) {
      LineSplitter splitter = new LineSplitter(loop.options.maxMessageBytes(), this);
      splitter.take(bytes, from, length);
      splitter.end();
    } else {
      readArray(bytes, from, length);
    }
    loop.draft.forgetBody();
    SluiceException refused = atomic ? segment.firstError() : null;
    if (refused != null) {
      throw refused;
    }
    connection.begin();
    if (segment.batch.count() == 0) {
      write();
      return;
    }
    append();
  }

  @Override
  public void line(long number, byte[] bytes, int from, int length) {
    MessageDraft draft = loop.draft.start(topic);
    try {
      items.readWhole(bytes, from, length, draft);
      encode(draft);
    } catch (SluiceException | IllegalArgumentException e) {
      segment.refused(number, Answers.known(e));
    }
  }

  @Override
  public void tooLong(long number, long bytes) {
    segment.refused(number, MessageDraft.tooLarge(bytes, loop.options.maxMessageBytes()));
  }

  /** An array of items, or an object with the array as its field {@code messages}. */
  private void readArray(byte[] bytes, int from, int length) {
    try (JsonParser parser = Fields.JSON.createParser(bytes, from, length)) {
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        Fields.readFields(
            parser,
            FIELDS,
            (name, value) -> {
              if (!name.equals("messages")) {
                return false;
              }
              readItems(value, bytes, from);
              return true;
            });
      } else {
        readItems(parser, bytes, from);
      }
      if (parser.nextToken() != null) {
        throw Fields.malformed("there is something after the end of the batch");
      }
    } catch (JsonProcessingException e) {
      throw Fields.malformed(e);
    } catch (IOException e) {
      throw Fields.malformed(e.getMessage());
    }
  }

  private void readItems(JsonParser parser, byte[] bytes, int from) throws IOException {
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      throw Fields.malformed("a batch is an array of items, or {\"messages\":[items]}");
    }
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      boolean struct = parser.currentToken().isStructStart();
      int depth = parser.getParsingContext().getNestingDepth();
      MessageDraft draft = loop.draft.start(topic);
      try {
        if (events) {
          loop.events.readNext(parser, bytes, from, draft);
        } else {
          items.readNext(parser, bytes, from, draft);
        }
        encode(draft);
      } catch (SluiceException | IllegalArgumentException e) {
        segment.refused(index, Answers.known(e));
        if (struct) {
          skipItem(parser, depth);
        }
      }
      index++;
    }
  }

  /**
   * Goes to the end of an item that was left in its middle.
   *
   * @param depth nesting depth inside of the item
   */
  private static void skipItem(JsonParser parser, int depth) throws IOException {
    while (parser.currentToken() != null
        && !(parser.currentToken().isStructEnd()
            && parser.getParsingContext().getNestingDepth() < depth)) {
      parser.nextToken();
    }
  }

  private void encode(MessageDraft draft) {
    headers.applyTo(draft);
    String id = loop.ids.next();
    draft.addTo(
        segment.batch,
        id,
        connection.bornHost(),
        loop.clock.nowMs(),
        loop.options.maxMessageBytes());
    segment.added(id);
  }

  private void append() {
    int bytes = segment.batch.size();
    int count = segment.batch.count();
    loop.taken(bytes);
    loop.latencies.record(Stage.RECEIVE, loop.clock.nowNs() - segment.receivedNs, count);
    loop.appends.append(new AppendRequest(segment.batch, ack, atomic, segment.receivedNs), this);
  }

  @Override
  public void failed(SluiceException failure, Appends.Part all) {
    loop.answered(all.bytes());
    connection.end();
    Answers.problem(loop, request.response(), failure);
  }

  @Override
  public void answered(AppendReply reply, Appends.Part all) {
    loop.answered(all.bytes());
    SluiceException refused = atomic ? firstRefused(reply) : null;
    if (refused != null) {
      connection.end();
      Answers.problem(loop, request.response(), refused);
      return;
    }
    loop.counters.messagesIn.add(all.count());
    loop.counters.bytesIn.add(all.bytes());
    segment.answered(reply);
    write();
  }

  private static SluiceException firstRefused(AppendReply reply) {
    for (int i = 0; i < reply.count(); i++) {
      if (reply.error(i) != null) {
        return reply.error(i);
      }
    }
    return null;
  }

  private void write() {
    JsonText out = loop.json.clear().raw("{\"results\":[");
    segment.write(out, true, topic, ack, loop);
    connection.end();
    Answers.json(request.response(), 200, out.raw("]}"));
  }
}
