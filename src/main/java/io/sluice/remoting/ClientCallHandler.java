package io.sluice.remoting;

import io.sluice.bus.AdminRequest;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBlock;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Codes 223, 307 and 309: what the tools want to know of a live client, or have it do. The client
 * is asked on the connection it was last heard on, and its answer handed on.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, AdminBrokerProcessor (callConsumer) and
 * Broker2Client.
 */
final class ClientCallHandler implements RequestHandler {

  /** Clients older than this do not know codes 307 and 309. */
  private static final int VERSION_WITH_CALLS = 62;

  /** Clients older than this do not know code 221. */
  private static final int VERSION_WITH_STATUS = 28;

  /** RocketMQ's own patience with a client: less than the 10 s a front waits for the Broker. */
  private static final long CALL_MS = 10_000;

  /** An admin tool's own patience is 5 s. */
  private static final long STATUS_MS = 4_000;

  private final BrokerLink broker;
  private final Function<String, ClientConnection> connections;

  /**
   * A handler.
   *
   * @param connections finds a connection of this front by its holder's name; null if it is gone
   */
  ClientCallHandler(BrokerLink broker, Function<String, ClientConnection> connections) {
    this.broker = broker;
    this.connections = connections;
  }

  @Override
  public void handle(Exchange exchange) {
    switch (exchange.request().code) {
      case RequestCode.GET_CONSUMER_RUNNING_INFO -> runningInfo(exchange);
      case RequestCode.CONSUME_MESSAGE_DIRECTLY -> consumeDirectly(exchange);
      default -> status(exchange);
    }
  }

  private void runningInfo(Exchange exchange) {
    ExtFields fields = exchange.fields();
    handOn(
        exchange,
        new ExtFields(3)
            .put("consumerGroup", fields.required("consumerGroup"))
            .put("clientId", fields.get("clientId"))
            .put("jstackEnable", fields.flag("jstackEnable")),
        null);
  }

  private void consumeDirectly(Exchange exchange) {
    ExtFields fields = exchange.fields();
    fields.required("consumerGroup");
    long offset = OffsetMessageId.physicalOffset(fields.required("msgId"));
    exchange.when(
        broker.<AdminRequest.Found>admin(new AdminRequest.FindByPhysicalOffset(offset)),
        found -> {
          byte[] message = bytes(found.messages());
          if (message == null) {
            exchange.fail(
                ResponseCode.SYSTEM_ERROR, "can not find message by the offset, " + offset);
            return;
          }
          ExtFields call = new ExtFields(fields.count() + 1);
          for (int i = 0; i < fields.count(); i++) {
            if (!fields.name(i).equals("brokerName")) {
              call.put(fields.name(i), fields.value(i));
            }
          }
          handOn(exchange, call.put("brokerName", broker.brokerName()), message);
        });
  }

  private static byte[] bytes(MessageBlock messages) {
    try (messages) {
      if (messages.count() == 0) {
        return null;
      }
      byte[] message = new byte[messages.size(0)];
      messages.buffer(0).get(messages.position(0), message);
      return message;
    }
  }

  /** Asks the client that the request names, and answers as it does. */
  private void handOn(Exchange exchange, ExtFields call, byte[] body) {
    String group = call.required("consumerGroup");
    String clientId = call.get("clientId");
    int code = exchange.request().code;
    exchange.when(
        members(group).compose(members -> ask(member(members, group, clientId), code, call, body)),
        answer -> exchange.answer(answer.code, answer.remark, answer.fields(), body(answer)));
  }

  private static byte[] body(Command answer) {
    if (answer.bodyBytes() == 0) {
      return null;
    }
    byte[] body = new byte[answer.bodyBytes()];
    answer.body().get(body);
    return body;
  }

  private Future<Command> ask(Member member, int code, ExtFields call, byte[] body) {
    return connection(member)
        .ask(code, call, body, CALL_MS)
        .recover(
            failure ->
                SluiceException.of(failure).code() == ErrorCode.TIMEOUT
                    ? Future.succeededFuture(silence(failure.getMessage()))
                    : Future.failedFuture(failure));
  }

  private static Command silence(String remark) {
    Command answer = new Command(Command.HeaderType.JSON);
    answer.code = ResponseCode.CONSUME_MSG_TIMEOUT;
    answer.remark = remark;
    return answer;
  }

  private ClientConnection connection(Member member) {
    ClientConnection connection = connections.apply(member.holder());
    if (connection == null) {
      throw new SluiceException(
          ErrorCode.CONFLICT,
          "the client " + member.clientId() + " is connected to another front, or is gone");
    }
    return connection;
  }

  private Future<List<Member>> members(String group) {
    return broker
        .<ClientKept.Consumers>clientKept(new ClientKept.GetConsumers(group))
        .map(ClientKept.Consumers::members);
  }

  /** The client of this id, or any if none is named. */
  private static Member member(List<Member> members, String group, String clientId) {
    for (Member member : members) {
      if (clientId == null || clientId.isEmpty() || member.clientId().equals(clientId)) {
        if (member.version() < VERSION_WITH_CALLS) {
          throw new SluiceException(
              ErrorCode.CONFLICT,
              "the client "
                  + member.clientId()
                  + " is of version "
                  + member.version()
                  + "; this needs "
                  + VERSION_WITH_CALLS
                  + " or later");
        }
        return member;
      }
    }
    throw new SluiceException(
        ErrorCode.CONFLICT, "the consumer <" + group + "> <" + clientId + "> is not online");
  }

  /** The offsets that each client of a group has reached in a topic, as it says itself. */
  private void status(Exchange exchange) {
    ExtFields fields = exchange.fields();
    String topic = fields.required("topic");
    String group = fields.required("group");
    String only = fields.text("clientAddr", "");
    exchange.when(
        members(group).compose(members -> askAll(members, topic, group, only)),
        answers -> {
          JsonWriter out = new JsonWriter().open('{').name("consumerTable").open('{');
          for (Status status : answers) {
            out.name(status.clientId).open('{');
            offsets(out, status.answer);
            out.close('}');
          }
          exchange.ok(out.close('}').close('}').toByteArray());
        });
  }

  private record Status(String clientId, Command answer) {}

  private Future<List<Status>> askAll(
      List<Member> members, String topic, String group, String only) {
    List<Future<Status>> asked = new ArrayList<>();
    for (Member member : members) {
      boolean wanted = only.isEmpty() || only.equals(member.clientId());
      if (!wanted || member.version() < VERSION_WITH_STATUS) {
        continue;
      }
      ExtFields call = new ExtFields(3).put("topic", topic).put("group", group);
      asked.add(
          connection(member)
              .ask(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, call, null, STATUS_MS)
              .map(answer -> new Status(member.clientId(), answer)));
    }
    return Future.all(asked).map(all -> asked.stream().map(Future::result).toList());
  }

  /** The entries of the client's messageQueueTable, whose keys are objects. */
  @SuppressWarnings("unchecked") // JsonReader makes no other maps
  private static void offsets(JsonWriter out, Command answer) {
    if (answer.code != ResponseCode.SUCCESS || answer.bodyBytes() == 0) {
      return;
    }
    JsonTree.object(answer.bodyObject(), "messageQueueTable")
        .forEach(
            (key, offset) -> {
              if (key instanceof Map<?, ?> queue && offset instanceof Number number) {
                Map<Object, Object> fields = (Map<Object, Object>) queue;
                AdminJson.queue(
                    out,
                    JsonTree.text(fields, "brokerName", ""),
                    JsonTree.text(fields, "topic", ""),
                    (int) JsonTree.number(fields, "queueId", 0));
                out.endKey().value(number.longValue());
              }
            });
  }
}
