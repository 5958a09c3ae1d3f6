package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;

/**
 * The part of one WebSocket that sends messages: publishes, requests and replies. Owned by the
 * event loop.
 */
final class SocketSends {

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

  private final Socket socket;
  private final Loop loop;
  private final byte[] bornHost;
  private final ItemReader items = new ItemReader();

  SocketSends(Socket socket, byte[] bornHost) {
    this.socket = socket;
    this.bornHost = bornHost;
    loop = socket.loop();
  }

  /** Stores a message, or asks for a reply to it; answered by a frame with the same id. */
  void publish(
      String id, byte[] bytes, int from, int length, int bodyAt, int bodyBytes, long receivedNs) {
    String[] topicAndAck = new String[2];
    MessageDraft draft = loop.draft.start(null);
    items.begin(bytes, from, draft);
    Socket.fields(
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
    if (socket.isDraining()) {
      throw new SluiceException(
          ErrorCode.SHUTTING_DOWN, "the server is stopping; send to another gateway");
    }
    draft.topic(TopicNames.checkUsable(topicAndAck[0]));
    AckLevel ack =
        topicAndAck[1] == null ? loop.options.defaultAck() : SluiceHeaders.ack(topicAndAck[1]);
    Publish publish = new Publish(id, draft.topic(), ack, length + bodyBytes);
    if (draft.replyWaitMs() > 0) {
      new SocketRequest(socket, id, () -> socket.answered(publish.bytes))
          .start(draft, ack, bornHost, receivedNs);
    } else {
      loop.sends.add(draft, ack, bornHost, receivedNs, publish);
      publish.messageId = draft.messageId();
    }
    draft.forgetBody();
    socket.begun(publish.bytes);
  }

  /** Takes the body from behind the header, if it is there, and checks that there is one. */
  private void endItem(MessageDraft draft, byte[] bytes, int bodyAt, int bodyBytes) {
    if (socket.isBinary() && !items.hasBody()) {
      draft.body(bytes, bodyAt, bodyBytes);
    } else if (bodyBytes > 0) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "there are two bodies: one in the header, one behind it");
    } else {
      items.end();
    }
  }

  /** Replies to a request that came as a message. */
  void reply(String id, byte[] bytes, int from, int length, int bodyAt, int bodyBytes) {
    ReplyTo[] to = new ReplyTo[1];
    MessageDraft draft = loop.draft.start(ReplyHandler.TOPIC);
    items.begin(bytes, from, draft);
    Socket.fields(
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
    Future<Void> handed = ReplyHandler.send(loop, draft, to[0], bornHost);
    int frameBytes = length + bodyBytes;
    socket.begun(frameBytes);
    handed.onComplete(
        sent -> {
          socket.answered(frameBytes);
          if (sent.succeeded()) {
            socket.sendOk(id, null, null);
          } else {
            socket.sendError(Answers.known(sent.cause()), id, null);
          }
        });
    draft.forgetBody();
  }

  private static List<String> itemFields(String... own) {
    List<String> fields = new ArrayList<>(List.of(own));
    fields.addAll(ItemReader.FIELDS);
    return List.copyOf(fields);
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
      socket.send(
          out -> {
            out.raw("{\"type\":\"ok\",");
            if (id != null) {
              out.name("id").string(id).raw(',');
            }
            SendAnswer.writeFields(out, messageId, topic, reply, index, ack);
            out.raw('}');
          });
      socket.answered(bytes);
    }

    @Override
    public void failed(SluiceException failure) {
      socket.sendError(failure, id, null);
      socket.answered(bytes);
    }
  }
}
