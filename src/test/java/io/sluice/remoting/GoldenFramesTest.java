package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.message.PropertyNames;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/**
 * Frames as the official client sent them, played to a Sluice in their order: the answers have the
 * code, the header's form, the header fields with their values and a body as RocketMQ's had.
 * Recorded by {@link GoldenFrameRecorder}.
 */
@DisabledIfSystemProperty(named = "rocketmq.nameserver", matches = ".+")
@DisabledIfSystemProperty(named = "target", matches = "rocketmq")
class GoldenFramesTest {

  /** What clients do without: the second form of heartbeats, and flags that are not set. */
  private static final Set<String> NOT_SENT =
      Set.of("IS_SUB_CHANGE", "IS_SUPPORT_HEART_BEAT_V2", "topicSysFlag", "groupSysFlag");

  /**
   * What bodies do without: times as text beside the same as numbers, and where a list of topics
   * comes from, which clients look for in that of the NameServer alone.
   */
  private static final Set<String> NOT_IN_BODIES =
      Set.of(
          "/consumeTimeSpanSet/consumeTimeStampStr",
          "/consumeTimeSpanSet/maxTimeStampStr",
          "/consumeTimeSpanSet/minTimeStampStr",
          "/brokerAddr");

  /**
   * What a Sluice adds to more messages: the checksum, which RocketMQ has if it is told to, and for
   * those of a batch what RocketMQ adds to single ones only.
   */
  private static final Set<String> ADDED = Set.of("__CRC32#", "CLUSTER", "MSG_REGION", "TRACE_ON");

  /** For an empty queue RocketMQ says that a group has no position; it stands at 0 here. */
  private static final String POSITION_IN_EMPTY_QUEUE =
      RequestCode.QUERY_CONSUMER_OFFSET + "/" + ResponseCode.QUERY_NOT_FOUND;

  /**
   * What these name is the place of a message in RocketMQ's log, or a receipt of it: a Sluice may
   * answer with this code that it is not there.
   */
  private static final Map<Integer, Integer> OF_A_PLACE =
      Map.of(
          RequestCode.VIEW_MESSAGE_BY_ID, ResponseCode.SYSTEM_ERROR,
          RequestCode.CONSUMER_SEND_MSG_BACK, ResponseCode.SYSTEM_ERROR,
          RequestCode.ACK_MESSAGE, ResponseCode.NO_MESSAGE,
          RequestCode.CHANGE_MESSAGE_INVISIBLE_TIME, ResponseCode.NO_MESSAGE);

  /**
   * Header fields whose value is a place in a log, a time, a receipt, or of the server at hand; a
   * RocketMQ has topics and groups of its own, and counts them.
   */
  private static final Set<String> OWN_VALUES =
      Set.of(
          "msgId",
          "transactionId",
          "recallHandle",
          "timestamp",
          "popTime",
          "reviveQid",
          "restNum",
          "startOffsetInfo",
          "msgOffsetInfo",
          "orderCountInfo",
          "extraInfo",
          "indexLastUpdatePhyoffset",
          "indexLastUpdateTimestamp",
          "totalTopicNum",
          "totalGroupNum",
          "version");

  /** Their bodies are messages as the log has them. */
  private static final Set<Integer> MESSAGES =
      Set.of(
          RequestCode.PULL_MESSAGE,
          RequestCode.LITE_PULL_MESSAGE,
          RequestCode.POP_MESSAGE,
          RequestCode.QUERY_MESSAGE,
          RequestCode.VIEW_MESSAGE_BY_ID);

  /** Their bodies are the same wherever they are asked for. */
  private static final Set<Integer> SAME_BODY =
      Set.of(RequestCode.GET_CONSUMER_LIST_BY_GROUP, RequestCode.LOCK_BATCH_MQ);

  /** What a Broker asks of clients as they were recorded, in any case. */
  private static final Set<Integer> AWAITED =
      Set.of(
          RequestCode.CHECK_TRANSACTION_STATE,
          RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
          RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT);

  /** The client id of who waits for a reply, in the properties of that. */
  private static final Pattern REPLY_TO =
      Pattern.compile(PropertyNames.REPLY_TO_CLIENT + "\u0001([^\u0002]+)");

  /** When a pop was born: one from long ago is not waited for any more. */
  private static final Pattern BORN = Pattern.compile("(?<=\"bornTime\":\")\\d{13}");

  private final List<String> differences = new ArrayList<>();
  private final Map<Integer, Command> ownRequests = new TreeMap<>();

  /** To the Broker, by client; what does not name its client goes over that of nobody. */
  private final Map<String, RawClient> connections = new HashMap<>();

  private RawClient names;
  private int brokerPort;

  @Test
  void shouldAnswerTheFramesOfTheOfficialClientAsRocketMqDid() throws Exception {
    Map<Integer, Command> requestsOfRocketMq = new TreeMap<>();
    Set<Integer> played = new TreeSet<>();
    try (InteropTarget target = new InteropTarget()) {
      names = new RawClient(Integer.parseInt(target.nameServer().split(":")[1]));
      brokerPort = target.front().port();
      Iterator<String> lines = lines();
      while (lines.hasNext()) {
        String line = lines.next();
        if (line.startsWith("*")) {
          Command request = decode(HexFormat.of().parseHex(line.substring(2)));
          requestsOfRocketMq.put(request.code, request);
          if (request.code == RequestCode.CHECK_TRANSACTION_STATE) {
            // The producer leaves afterwards, and could not be asked then.
            awaitOwn("192.0.2.2@golden-transactions", request.code);
          }
        } else if (line.startsWith(">")) {
          played.add(play(line.charAt(2) == 'n', line.substring(4), lines.next().substring(2)));
        }
      }
      for (RawClient connection : connections.values()) {
        connection.close();
      }
      names.close();
    }
    assertTrue(requestsOfRocketMq.keySet().containsAll(AWAITED), requestsOfRocketMq::toString);
    ownRequests.forEach(
        (code, own) -> {
          if (requestsOfRocketMq.containsKey(code)) {
            Set<String> wanted = values(requestsOfRocketMq.get(code)).keySet();
            same("own request " + code, wanted, values(own).keySet());
          }
        });
    assertEquals("", String.join("\n", differences));
    assertTrue(played.size() > 50, "played " + played);
  }

  private Command awaitOwn(String client, int code) throws IOException {
    Command request = connections.get(client).read();
    while (request.code != code) {
      remember(request);
      request = connections.get(client).read();
    }
    remember(request);
    return request;
  }

  /** A reply is answered once the client that waits for it has said that it came. */
  private void takeReply(Command reply) throws IOException {
    Matcher to = REPLY_TO.matcher(reply.fields().get("i"));
    assertTrue(to.find(), reply.fields()::toString);
    Command taken = awaitOwn(to.group(1), RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT);
    connections
        .get(to.group(1))
        .write(
            RawClient.json(ResponseCode.SUCCESS, taken.opaque, 1, new ExtFields(0), new byte[0]));
  }

  private int play(boolean toNameServer, String frame, String recorded) throws Exception {
    byte[] bytes = HexFormat.of().parseHex(frame);
    Command request = decode(bytes);
    if (request.code == RequestCode.POP_MESSAGE) {
      String now = String.valueOf(System.currentTimeMillis());
      String text = new String(bytes, StandardCharsets.ISO_8859_1);
      bytes = BORN.matcher(text).replaceFirst(now).getBytes(StandardCharsets.ISO_8859_1);
    }
    RawClient connection = toNameServer ? names : connection(request);
    if (recorded.equals("oneway")) {
      connection.write(bytes);
      return request.code;
    }
    Command answer;
    try {
      connection.write(bytes);
      if (request.code == RequestCode.SEND_REPLY_MESSAGE_V2) {
        takeReply(request);
      }
      answer = connection.read();
      while (!answer.isResponse()) {
        remember(answer);
        answer = connection.read();
      }
    } catch (IOException e) {
      throw new IllegalStateException("no answer to code " + request.code, e);
    }
    check(request, answer, decode(HexFormat.of().parseHex(recorded)));
    return request.code;
  }

  private RawClient connection(Command request) throws IOException {
    String client =
        switch (request.code) {
          case RequestCode.HEART_BEAT -> (String) request.bodyObject().get("clientID");
          case RequestCode.UNREGISTER_CLIENT -> request.fields().get("clientID");
          default -> "";
        };
    RawClient known = connections.get(client);
    if (known == null) {
      known = new RawClient(brokerPort);
      connections.put(client, known);
    }
    return known;
  }

  /** Our own requests, such as the notice of a new member, come in between. */
  private void remember(Command request) {
    if (!request.isResponse()) {
      ownRequests.put(request.code, request);
    }
  }

  private void check(Command request, Command answer, Command expected) {
    String what = "code " + request.code;
    same(what + ": opaque", request.opaque, answer.opaque);
    // RocketMQ 5.5.0 answers in JSON whatever was asked in.
    same(what + ": header's form", request.type, answer.type);
    same(what + ": flag", expected.flag, answer.flag);
    boolean gone = Objects.equals(OF_A_PLACE.get(request.code), answer.code);
    if (gone || POSITION_IN_EMPTY_QUEUE.equals(request.code + "/" + expected.code)) {
      return;
    }
    same(what + ": code, " + answer.remark, expected.code, answer.code);
    Map<String, String> values = values(expected);
    values.keySet().removeAll(NOT_SENT);
    same(what + ": header fields", values, values(answer));
    same(what + ": a body", expected.bodyBytes() > 0, answer.bodyBytes() > 0);
    if (expected.bodyBytes() > 0 && answer.bodyBytes() > 0) {
      checkBody(what, request.code, answer, expected);
    }
  }

  private void checkBody(String what, int code, Command answer, Command expected) {
    if (MESSAGES.contains(code)) {
      checkMessages(what, code, answer, expected);
      return;
    }
    Map<Object, Object> wanted;
    try {
      wanted = expected.bodyObject();
    } catch (MalformedFrameException noObject) {
      return;
    }
    Map<Object, Object> found = answer.bodyObject();
    if (SAME_BODY.contains(code)) {
      same(what + ": body", unordered(wanted), unordered(found));
    }
    Set<String> missing = new TreeSet<>();
    paths("", wanted, missing);
    Set<String> there = new TreeSet<>();
    paths("", found, there);
    missing.removeAll(there);
    missing.removeIf(path -> NOT_IN_BODIES.contains(path));
    same(what + ": not in the body", Set.of(), missing);
  }

  /** The names in a body; what is a key in a table, and the place in a list, is no name. */
  private static void paths(String at, Object node, Set<String> into) {
    if (node instanceof Map<?, ?> map) {
      boolean table =
          at.toLowerCase(Locale.ROOT).endsWith("table")
              || at.endsWith("Addrs")
              || at.endsWith("consumeStatsList");
      map.forEach((key, value) -> paths(at + "/" + (table ? "*" : key), value, into));
    } else if (node instanceof List<?> list) {
      list.forEach(each -> paths(at, each, into));
    } else {
      into.add(at);
    }
  }

  private static Object unordered(Object node) {
    if (node instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new HashMap<>();
      map.forEach((key, value) -> copy.put(key, unordered(value)));
      return copy;
    }
    return node instanceof List<?> list
        ? list.stream().map(GoldenFramesTest::unordered).collect(Collectors.toSet())
        : node;
  }

  private void checkMessages(String what, int code, Command answer, Command expected) {
    List<MessageExt> wanted = messages(code, expected);
    List<MessageExt> found = messages(code, answer);
    same(what + ": messages", texts(wanted), texts(found));
    for (int i = 0; i < Math.min(wanted.size(), found.size()); i++) {
      Set<String> names = new TreeSet<>(found.get(i).getProperties().keySet());
      Set<String> wantedNames = new TreeSet<>(wanted.get(i).getProperties().keySet());
      names.removeIf(name -> ADDED.contains(name) && !wantedNames.contains(name));
      same(what + ": properties of message " + i, wantedNames, names);
    }
  }

  /** Pops begin with any queue, so that their messages are put in the order of queues. */
  private static List<MessageExt> messages(int code, Command answer) {
    List<MessageExt> messages = MessageDecoder.decodes(answer.body());
    if (code == RequestCode.POP_MESSAGE) {
      messages.sort(
          Comparator.comparingInt(MessageExt::getQueueId)
              .thenComparingLong(MessageExt::getQueueOffset));
    }
    return messages;
  }

  private static List<String> texts(List<MessageExt> messages) {
    return messages.stream()
        .map(
            message ->
                message.getTopic()
                    + " "
                    + message.getQueueId()
                    + " "
                    + message.getQueueOffset()
                    + " "
                    + new String(message.getBody(), StandardCharsets.UTF_8)
                    + " "
                    + message.getReconsumeTimes())
        .toList();
  }

  /** The header fields; of those whose value is of the server at hand, the name only. */
  private static Map<String, String> values(Command command) {
    Map<String, String> values = new TreeMap<>();
    for (int i = 0; i < command.fields().count(); i++) {
      String name = command.fields().name(i);
      values.put(name, OWN_VALUES.contains(name) ? "" : command.fields().value(i));
    }
    return values;
  }

  private void same(String what, Object expected, Object found) {
    if (!expected.equals(found)) {
      differences.add(what + ": " + found + "; RocketMQ: " + expected);
    }
  }

  private static Command decode(byte[] frame) {
    Command[] found = new Command[1];
    new FrameDecoder(1 << 20).feed(frame, 0, frame.length, command -> found[0] = command);
    return found[0];
  }

  private static Iterator<String> lines() throws Exception {
    try (InputStream in =
        GoldenFramesTest.class.getResourceAsStream("/golden/rocketmq-client-5.5.0.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList().iterator();
    }
  }
}
