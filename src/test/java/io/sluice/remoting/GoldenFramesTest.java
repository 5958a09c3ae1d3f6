package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/**
 * Frames as the official client sent them, played to a Sluice in their order: the answers have the
 * code and the header fields that RocketMQ's had, and a body where it had one. Recorded by {@link
 * GoldenFrameRecorder}.
 */
@DisabledIfSystemProperty(named = "rocketmq.nameserver", matches = ".+")
@DisabledIfSystemProperty(named = "target", matches = "rocketmq")
class GoldenFramesTest {

  private static final Pattern ANSWER = Pattern.compile("< (\\d+) \\[(.*)] (\\d+)");

  /** What clients do without: the second form of heartbeats, and flags that are not set. */
  private static final Set<String> NOT_SENT =
      Set.of("IS_SUB_CHANGE", "IS_SUPPORT_HEART_BEAT_V2", "topicSysFlag", "groupSysFlag");

  /** For an empty queue RocketMQ says that a group has no position; it stands at 0 here. */
  private static final String POSITION_IN_EMPTY_QUEUE =
      RequestCode.QUERY_CONSUMER_OFFSET + "/" + ResponseCode.QUERY_NOT_FOUND;

  /**
   * What these name is the place of a message in RocketMQ's log, a receipt, or when it was stored:
   * a Sluice may answer that it is not there.
   */
  private static final Set<Integer> OF_A_PLACE =
      Set.of(
          RequestCode.QUERY_MESSAGE,
          RequestCode.VIEW_MESSAGE_BY_ID,
          RequestCode.CONSUMER_SEND_MSG_BACK,
          RequestCode.RECALL_MESSAGE,
          RequestCode.ACK_MESSAGE,
          RequestCode.CHANGE_MESSAGE_INVISIBLE_TIME,
          RequestCode.SEND_REPLY_MESSAGE,
          RequestCode.SEND_REPLY_MESSAGE_V2);

  @Test
  void shouldAnswerTheFramesOfTheOfficialClientAsRocketMqDid() throws Exception {
    int played = 0;
    try (InteropTarget target = new InteropTarget();
        RawClient names = new RawClient(Integer.parseInt(target.nameServer().split(":")[1]));
        RawClient broker = new RawClient(target.front().port())) {
      Iterator<String> lines = lines();
      while (lines.hasNext()) {
        String line = lines.next();
        if (!line.startsWith(">")) {
          continue;
        }
        byte[] frame = HexFormat.of().parseHex(line.substring(4));
        RawClient connection = line.charAt(2) == 'n' ? names : broker;
        Command request = decode(frame);
        String recorded = lines.next();
        played++;
        if (recorded.equals("< oneway")) {
          connection.write(frame);
          continue;
        }
        Command answer = connection.call(frame);
        // Our own requests, such as the notice of a new member, come in between.
        while (!answer.isResponse()) {
          answer = connection.read();
        }
        check(request, answer, recorded);
      }
    }
    assertTrue(played > 10, "played " + played);
  }

  private static void check(Command request, Command answer, String recorded) {
    Matcher expected = ANSWER.matcher(recorded);
    assertTrue(expected.matches(), recorded);
    assertEquals(request.opaque, answer.opaque);
    String what = "code " + request.code + ": " + answer.remark;
    int code = Integer.parseInt(expected.group(1));
    boolean differs = OF_A_PLACE.contains(request.code) && answer.code != code;
    if (!differs && !POSITION_IN_EMPTY_QUEUE.equals(request.code + "/" + code)) {
      assertEquals(code, answer.code, what);
      Set<String> names = new TreeSet<>(Arrays.asList(expected.group(2).split(" ")));
      names.remove("");
      names.removeAll(NOT_SENT);
      Set<String> found = new TreeSet<>();
      for (int i = 0; i < answer.fields().count(); i++) {
        found.add(answer.fields().name(i));
      }
      assertEquals(names, found, what);
      assertEquals(Integer.parseInt(expected.group(3)) > 0, answer.bodyBytes() > 0, what);
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
