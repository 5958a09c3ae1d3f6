package io.sluice.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Receipt;
import io.sluice.bus.SettleRequest.Kind;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The subscriptions of one WebSocket, by the names that the client gave them: opened, given credit,
 * settled, moved, ended. Owned by the event loop.
 */
final class SocketSubscriptions {

  static final List<String> CREDIT_FIELDS = List.of("type", "sub", "messages", "bytes");
  static final List<String> SETTLE_FIELDS =
      List.of("type", "id", "sub", "ack", "nack", "extend", "dead");
  static final List<String> UNSUBSCRIBE_FIELDS = List.of("type", "id", "sub");
  static final List<String> SEEK_FIELDS = List.of("type", "id", "sub", "to");

  /** Byte credit that comes with message credit alone. */
  private static final long BYTES_PER_MESSAGE = GatewayOptions.DEFAULT_CREDIT_BYTES / 100;

  private final Socket socket;
  private final Loop loop;

  /** A name that is taken, and has nothing yet, has null. */
  private Map<String, Subscription> open = Map.of();

  SocketSubscriptions(Socket socket) {
    this.socket = socket;
    loop = socket.loop();
  }

  /** Opens what a frame asks for; what is wrong is thrown, or answered later. */
  void open(SubscribeFields fields, String id) {
    open(fields, id, false);
  }

  /** Opens the one that the socket is for; where that can not be, the socket is closed. */
  void only(SubscribeFields fields) {
    try {
      socket.caller().check(Permission.RECEIVE, fields.topic);
      open(fields, null, true);
    } catch (SluiceException e) {
      refuse(e, fields.sub);
    }
  }

  private void open(SubscribeFields fields, String id, boolean oneLine) {
    if (fields.events && socket.isBinary()) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "format: cloudevents are JSON; open the socket with " + Sockets.JSON);
    }
    fields.oneLine = oneLine;
    if (socket.isDraining()) {
      throw new SluiceException(
          ErrorCode.SHUTTING_DOWN, "the server is stopping; connect to another gateway");
    }
    if (open.containsKey(fields.sub)) {
      throw new SluiceException(
          ErrorCode.CONFLICT,
          "the socket has a subscription '" + fields.sub + "' already; take another sub");
    }
    if (open.size() >= loop.options.maxSubscriptions()) {
      throw new SluiceException(
          ErrorCode.BUSY,
          "the socket has "
              + loop.options.maxSubscriptions()
              + " subscriptions, which is the most; open another socket");
    }
    if (open.isEmpty()) {
      open = new LinkedHashMap<>(2);
    }
    // The place is taken now, so that a second subscribe of the same name is refused.
    open.put(fields.sub, null);
    Future<String> broker =
        fields.isGroup() ? loop.routes.brokerFor(fields.topic) : loop.brokerToRead(fields.topic);
    broker.onComplete(
        found -> {
          if (socket.isClosing()) {
            return;
          }
          if (found.failed()) {
            open.remove(fields.sub);
            refused(Answers.known(found.cause()), id, fields);
          } else {
            start(fields, id, found.result());
          }
        });
  }

  private void start(SubscribeFields fields, String id, String broker) {
    if (fields.isGroup()) {
      Subscription subscription = new GroupSubscription(socket, fields, broker);
      open.put(fields.sub, subscription);
      subscription.start(false);
      return;
    }
    ReaderSubscription reader = new ReaderSubscription(socket, fields, broker);
    open.put(fields.sub, reader);
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
                open.remove(fields.sub);
                refused(Answers.known(opened.cause()), id, fields);
              }
            });
  }

  private void refused(SluiceException error, String id, SubscribeFields fields) {
    if (fields.oneLine) {
      refuse(error, fields.sub);
    } else {
      socket.sendError(error, id, fields.sub);
    }
  }

  /** The one-line form failed: the socket has no other purpose. */
  private void refuse(SluiceException error, String sub) {
    socket.sendError(error, null, sub);
    socket.close(SocketClose.of(error.code()), error.getMessage());
  }

  /** Gives credit to one. */
  void credit(String sub, byte[] bytes, int from, int length) {
    long[] amounts = new long[2];
    Socket.fields(
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
    Subscription subscription = subscription(sub);
    // Who counts messages only is not to run dry of bytes.
    long moreBytes = amounts[1] > 0 ? amounts[1] : amounts[0] * BYTES_PER_MESSAGE;
    subscription.addCredit(amounts[0], moreBytes);
  }

  /** Settles what was delivered; answered by a frame with the same id. */
  void settle(String id, String sub, byte[] bytes, int from, int length) {
    Settlements settlements = new Settlements();
    Socket.fields(bytes, from, length, SETTLE_FIELDS, settlements::take);
    List<String> groups = sub == null ? groups() : List.of(group(subscription(sub)));
    Future<Void> settled = settlements.settle(loop.brokers, groups);
    socket.begun(length);
    settled.onComplete(
        done -> {
          socket.answered(length);
          if (done.failed()) {
            socket.sendError(Answers.known(done.cause()), id, null);
            return;
          }
          loop.counters.settled.add(settlements.count());
          returnCredit(settlements);
          socket.send(
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
      Receipt delivery = settlements.delivery(i);
      if (delivery == null || settlements.kind(i) == Kind.EXTEND) {
        continue;
      }
      for (Subscription subscription : open.values()) {
        if (subscription != null && subscription.settled(settlements.group(i), delivery)) {
          break;
        }
      }
    }
  }

  private List<String> groups() {
    List<String> groups = new ArrayList<>(2);
    for (Subscription subscription : open.values()) {
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

  /** Moves one to another place. */
  void seek(String id, String sub, byte[] bytes, int from, int length) {
    Position.From[] to = new Position.From[1];
    boolean[] byOffsets = new boolean[1];
    Socket.fields(
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
    Subscription subscription = subscription(sub);
    if (byOffsets[0] && !subscription.fields.isGroup()) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "to: offsets are for groups; a reader goes to earliest, latest, a time or a position");
    }
    Future<Void> sought = subscription.seek(to[0]);
    socket.begun(length);
    sought.onComplete(
        done -> {
          socket.answered(length);
          if (done.succeeded()) {
            socket.sendOk(id, sub, subscription.position());
          } else {
            socket.sendError(Answers.known(done.cause()), id, sub);
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

  private Subscription subscription(String sub) {
    Subscription subscription = sub == null ? null : open.get(sub);
    if (subscription == null) {
      throw new SluiceException(
          ErrorCode.NOT_FOUND,
          sub == null
              ? "sub is missing: which subscription"
              : "the socket has no subscription '" + sub + "'");
    }
    return subscription;
  }

  /** Ends one. */
  void end(String id, String sub) {
    Subscription subscription = subscription(sub);
    subscription.close();
    open.remove(sub);
    socket.sendOk(id, sub, null);
  }

  /** One cannot go on. */
  void ended(Subscription subscription, SluiceException error) {
    subscription.close();
    open.remove(subscription.fields.sub, subscription);
    if (subscription.fields.oneLine) {
      socket.close(SocketClose.of(error.code()), error.getMessage());
    }
  }

  /** All that have credit ask for more. */
  void arm() {
    for (Subscription subscription : open.values()) {
      if (subscription != null) {
        subscription.arm();
      }
    }
  }

  /** Ends all; what they hold is given back. */
  void close() {
    for (Subscription subscription : open.values()) {
      if (subscription != null) {
        subscription.close();
      }
    }
    open = Map.of();
  }
}
