package io.sluice.gateway;

import io.sluice.bus.AdminRequest.FindByKey;
import io.sluice.bus.AdminRequest.FindByPhysicalOffset;
import io.sluice.bus.AdminRequest.Found;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadReply;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageView;
import io.sluice.message.PropertyNames;
import io.vertx.core.Future;
import java.util.List;

/** Reads messages without a group. Static; each call is owned by its event loop. */
final class ReadHandlers {

  static final int DEFAULT_LIMIT = 32;
  static final int MAX_LIMIT = 1024;
  private static final int MAX_BYTES = 8 << 20;

  /** What says where to read or what, and so not with a key. */
  private static final List<String> READ_ONLY = List.of("queue", "offset", "time", "tag", "sql");

  /** Different messages of the same key or id are few; so many are looked through for an id. */
  private static final int SAME_ID = 16;

  private ReadHandlers() {}

  /** GET /v1/topics/{topic}/messages. */
  static void browse(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    String topic = call.topic();
    Query query = call.query("queue", "offset", "time", "limit", "key", "tag", "sql");
    int limit = (int) query.number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT);
    if (query.get("key") != null) {
      if (READ_ONLY.stream().anyMatch(name -> query.get(name) != null)) {
        throw invalid("key cannot be joined with " + String.join(", ", READ_ONLY));
      }
      Future<Found> found =
          call.loop
              .brokerToRead(topic)
              .compose(
                  broker ->
                      call.loop.brokers.find(
                          broker, new FindByKey(topic, query.get("key"), limit)));
      call.await(found, result -> writeMessages(call, result.messages(), topic, null));
      return;
    }
    read(call, topic, request(topic, query, limit));
  }

  /** GET /v1/topics/{topic}/messages/{messageId}. */
  static void one(Call call) {
    SluiceHeaders.readPlain(call.request.headers());
    call.query();
    String topic = call.topic();
    String id = call.pathParam("messageId");
    Future<Boolean> answered =
        call.loop
            .brokerToRead(topic)
            .compose(
                broker ->
                    call.loop
                        .brokers
                        .find(broker, new FindByKey(topic, id, SAME_ID))
                        .compose(
                            found ->
                                writeOne(call, found.messages(), topic, id)
                                    ? Future.succeededFuture(true)
                                    : byOffset(call, broker, topic, id)));
    call.await(
        answered,
        found -> {
          if (!found) {
            throw new SluiceException(
                ErrorCode.MESSAGE_NOT_FOUND,
                "the topic " + topic + " has no message " + id + "; it may have expired");
          }
        });
  }

  private static Future<Boolean> byOffset(Call call, String broker, String topic, String id) {
    long physicalOffset = OffsetIds.physicalOffset(id);
    if (physicalOffset < 0) {
      return Future.succeededFuture(false);
    }
    return call.loop
        .brokers
        .find(broker, topic, new FindByPhysicalOffset(physicalOffset))
        .map(found -> writeOne(call, found.messages(), topic, id));
  }

  /** Answers with the message of this topic and id, if it is among those found. */
  private static boolean writeOne(Call call, MessageBlock found, String topic, String id) {
    MessageView view = new MessageView();
    try (found) {
      MessageBlock block = call.loop.bodies.plain(found);
      for (int i = 0; i < block.count(); i++) {
        block.view(i, view);
        String uniqueId = view.property(PropertyNames.UNIQUE_KEY);
        boolean same = uniqueId == null ? offsetId(view).equalsIgnoreCase(id) : uniqueId.equals(id);
        if (same && view.topic().equals(topic)) {
          call.json(
              200,
              out -> {
                out.raw('{');
                call.loop.messageJson.write(out, view, topic, 0);
                out.raw('}');
              });
          return true;
        }
      }
      return false;
    }
  }

  private static String offsetId(MessageView view) {
    JsonText id = new JsonText();
    OffsetIds.write(id, view);
    return id.toString();
  }

  private static ReadRequest request(String topic, Query query, int limit) {
    String offset = query.get("offset");
    String time = query.get("time");
    if (offset != null && time != null) {
      throw invalid("give offset or time, not both");
    }
    if (offset != null && query.get("queue") == null) {
      throw invalid("offset needs queue: each queue of a topic counts by itself");
    }
    int[] queues =
        query.get("queue") == null
            ? null
            : new int[] {(int) query.number("queue", 0, 0, Integer.MAX_VALUE)};
    long[] offsets =
        offset == null ? null : new long[] {query.number("offset", 0, 0, Long.MAX_VALUE)};
    StartPosition from =
        time == null ? StartPosition.EARLIEST : StartPosition.time(Fields.timeMs("time", time));
    Filter filter = Filters.of(query.get("tag"), query.get("sql"));
    return new ReadRequest(topic, queues, offsets, from, limit, MAX_BYTES, 0, filter, null);
  }

  private static void read(Call call, String topic, ReadRequest request) {
    call.await(
        ask(call, topic, request), reply -> writeMessages(call, reply.messages(), topic, reply));
  }

  private static Future<ReadReply> ask(Call call, String topic, ReadRequest request) {
    return call.loop.brokerToRead(topic).compose(broker -> call.loop.brokers.read(broker, request));
  }

  /** Answers with messages and, where they were read by offset, how to read on. */
  private static void writeMessages(Call call, MessageBlock found, String topic, ReadReply reply) {
    try (found) {
      MessageBlock block = call.loop.bodies.plain(found);
      call.json(
          200,
          out -> {
            MessageView view = new MessageView();
            out.raw("{\"messages\":[");
            for (int i = 0; i < block.count(); i++) {
              out.raw(i == 0 ? "{" : ",{");
              call.loop.messageJson.write(out, block.view(i, view), topic, 0);
              out.raw('}');
            }
            out.raw(']');
            if (reply != null) {
              writeNext(out, reply);
            }
            out.raw('}');
          });
      call.loop.counters.messagesOut.add(block.count());
    }
  }

  private static void writeNext(JsonText out, ReadReply reply) {
    out.next("next").raw('[');
    for (int i = 0; i < reply.queueIds().length; i++) {
      out.raw(i == 0 ? "{" : ",{").name("queue").number(reply.queueIds()[i]);
      out.next("offset").number(reply.nextOffsets()[i]);
      out.next("min").number(reply.minOffsets()[i]);
      out.next("max").number(reply.maxOffsets()[i]).raw('}');
    }
    out.raw(']');
  }

  private static SluiceException invalid(String detail) {
    return new SluiceException(ErrorCode.INVALID_ARGUMENT, detail);
  }
}
