package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.AppendReply;
import io.sluice.message.UniqueIds;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.junit.jupiter.api.Test;

/**
 * Frames and headers, with RocketMQ's own codec as the oracle where there is one. The number of
 * mutated frames and of broken JSON rises with {@code -Djqwik.tries.default}.
 */
class FrameCodecTest {

  private static final int MAX_FRAME = 1 << 20;

  /** A send of the official library, JSON header, opaque 7, body "hello" (5.5.0). */
  private static final String JSON_SEND_HEADER =
      "{\"code\":310,\"extFields\":{\"a\":\"PG\",\"b\":\"T1\",\"c\":\"TBW102\",\"d\":\"4\",\"e\":\"0\","
          + "\"f\":\"0\",\"g\":\"1700000000000\",\"h\":\"0\",\"i\":\"TAGS\\u0001TagA\\u0002\",\"j\":\"0\","
          + "\"k\":\"false\",\"m\":\"false\"},\"flag\":0,\"language\":\"JAVA\",\"opaque\":7,"
          + "\"serializeTypeCurrentRPC\":\"JSON\",\"version\":0}";

  @Test
  void shouldReadASendOfTheOfficialLibrary() {
    byte[] header = JSON_SEND_HEADER.getBytes(StandardCharsets.UTF_8);
    byte[] frame =
        ByteBuffer.allocate(8 + header.length + 5)
            .put(HexFormat.of().parseHex("00000104000000fb"))
            .put(header)
            .put("hello".getBytes(StandardCharsets.UTF_8))
            .array();
    Command command = decode(frame).get(0);
    SendHeader send = SendHeader.readShort(command.fields());
    assertEquals(310, command.code);
    assertEquals(7, command.opaque);
    assertEquals("T1", send.topic());
    assertEquals("TBW102", send.defaultTopic());
    assertEquals("TAGS\u0001TagA\u0002", send.properties());
    assertEquals(1_700_000_000_000L, send.bornAtMs());
    assertEquals("hello", StandardCharsets.UTF_8.decode(command.body()).toString());
  }

  @Test
  void shouldReadWhatIsLooseInJson() {
    byte[] header =
        utf8(
            " { code : 11 , \"extFields\" : {\"queueId\":3,\"flag\":true,\"none\":null,"
                + "\"o\":{\"x\":[1,2]},\"raw\":\"a\u0001\u00e9\"}, \"x\":[{}], \"flag\":2 }");
    Command command = HeaderCodec.read(HeaderCodec.TYPE_JSON, header, 0, header.length);
    assertEquals(11, command.code);
    assertEquals(2, command.flag);
    assertEquals(3, command.fields().requiredInt("queueId"));
    assertTrue(command.fields().flag("flag"));
    assertNull(command.fields().get("none"));
    assertEquals("{\"x\":[1,2]}", command.fields().get("o"));
    assertEquals("a\u0001\u00e9", command.fields().get("raw"));
    assertNull(command.remark);
  }

  /** A batch has its properties in bytes, a single message in a text; both mean the same. */
  @Test
  void shouldReadTheSamePropertiesFromBytesAsFromAText() {
    UniqueIds ids = new UniqueIds(0);
    SendProperties ofText = new SendProperties(ids, "c", List.of(1_000L));
    SendProperties ofBytes = new SendProperties(ids, "c", List.of(1_000L));
    for (String text :
        List.of(
            "UNIQ_KEY\u00010A0B\u0002WAIT\u0001true",
            "UNIQ_KEY\u00010A0B\u0002WAIT\u0001false\u0002",
            "UNIQ_KEY\u00010A0B\u0002TAGS\u0001t\u0002KEYS\u0001k1 k2\u0002DELAY\u00011",
            "UNIQ_KEY\u00010A0B\u0002CLUSTER\u0001other\u0002k\u00e9y\u0001\u4e2d",
            "UNIQ_KEY\u0001x\u0002\u0001nameless\u0002valueless\u0001\u0002alone\u0002\u0002",
            "UNIQ_KEX\u0001y\u0002UNIQ_KEY\u0001x")) {
      byte[] bytes = utf8("before" + text + "behind");
      byte[] expected = ofText.read(text).toByteArray();
      assertArrayEquals(expected, ofBytes.read(bytes, 6, bytes.length - 6).toByteArray(), text);
      assertEquals(ofText.waits(), ofBytes.waits(), text);
      assertEquals(ofText.dueAtMs(5), ofBytes.dueAtMs(5), text);
    }
    byte[] separated = utf8("UNIQ_KEY\u0001a\u0001b");
    assertThrows(IllegalArgumentException.class, () -> ofText.read("UNIQ_KEY\u0001a\u0001b"));
    assertThrows(
        IllegalArgumentException.class, () -> ofBytes.read(separated, 0, separated.length));
  }

  @Test
  void shouldNameEachMessageOfABatch() {
    byte[] host = {127, 0, 0, 1, 0, 0, 42, (byte) 159};
    AppendReply reply = new AppendReply("broker", 3, 0);
    for (int i = 0; i < 3; i++) {
      reply.stored(i, 0, i, 0xABCDL + i);
    }
    OffsetMessageId ids = new OffsetMessageId(host);
    assertEquals(ids.of(0xABCE) + "," + ids.of(0xABCF), ids.of(reply, 1, 2));
    assertEquals(0xABCF, OffsetMessageId.physicalOffset(ids.of(reply, 2, 1)));
  }

  @Test
  void shouldReadMapsWithObjectsAndNumbersAsKeys() {
    byte[] body =
        utf8("{\"table\":{{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"T\"}:12,},0:\"a\"}");
    Map<Object, Object> tree = JsonReader.object(body, 0, body.length);
    Map<Object, Object> table = JsonTree.object(tree, "table");
    assertEquals(12L, table.get(Map.of("brokerName", "b", "queueId", 0L, "topic", (Object) "T")));
    assertEquals("a", tree.get("0"));
  }

  @Test
  void shouldRefuseJsonThatNestsTooDeep() {
    byte[] body = utf8("{\"a\":" + "[".repeat(10_000));
    assertThrows(MalformedFrameException.class, () -> JsonReader.object(body, 0, body.length));
  }

  @Test
  void shouldNameTheProxyProtocolThatItDoesNotTake() {
    byte[] second = HexFormat.of().parseHex("0D0A0D0A000D0A515549540A2111000C");
    for (byte[] begin : List.of(utf8("PROXY TCP4 10.0.0.1 10.0.0.2 5 6\r\n"), second)) {
      MalformedFrameException refused =
          assertThrows(MalformedFrameException.class, () -> decode(begin));
      assertTrue(refused.getMessage().contains("PROXY protocol"), refused.getMessage());
    }
  }

  @Test
  void shouldNotReserveWhatAFrameClaims() {
    FrameDecoder decoder = new FrameDecoder(16 << 20);
    byte[] start = HexFormat.of().parseHex("00fffff0000000100102");
    // A thousand connections that claim 16 MiB each must not take 16 GiB.
    List<FrameDecoder> decoders = new ArrayList<>();
    long before = usedMemory();
    for (int i = 0; i < 1_000; i++) {
      decoder = new FrameDecoder(16 << 20);
      decoder.feed(start, 0, start.length, command -> {});
      decoders.add(decoder);
    }
    assertTrue(usedMemory() - before < 300L << 20);
    assertEquals(1_000, decoders.size());
  }

  @Property(tries = 300)
  void shouldReadTheSameHoweverTheBytesAreCut(
      @ForAll @Size(min = 1, max = 5) List<@From("frames") byte[]> frames,
      @ForAll @Size(max = 20) List<@IntRange(min = 1, max = 40) Integer> cuts) {
    byte[] all = concat(frames);
    List<Command> whole = decode(all);
    List<Command> cut = new ArrayList<>();
    FrameDecoder decoder = new FrameDecoder(MAX_FRAME);
    int at = 0;
    for (int size : cuts) {
      int end = Math.min(all.length, at + size);
      feedCopy(decoder, all, at, end, cut);
      at = end;
    }
    feedCopy(decoder, all, at, all.length, cut);
    assertEquals(frames.size(), whole.size());
    assertEquals(whole.size(), cut.size());
    for (int i = 0; i < whole.size(); i++) {
      assertSame(whole.get(i), cut.get(i));
    }
  }

  @Property
  void shouldEitherReadOrRefuseAMutatedFrame(
      @ForAll("frames") byte[] frame,
      @ForAll @Size(min = 1, max = 4) List<@IntRange(max = 1 << 20) Integer> places,
      @ForAll byte value) {
    byte[] mutated = frame.clone();
    for (int place : places) {
      mutated[place % mutated.length] ^= value == 0 ? 1 : value;
    }
    try {
      for (Command command : decode(mutated)) {
        command.fields().get("x");
        if (command.bodyBytes() > 0) {
          command.bodyObject();
        }
      }
    } catch (MalformedFrameException expected) {
      assertTrue(expected.getMessage().length() > 5);
    }
  }

  @Property
  void shouldEitherReadOrRefuseAnyBytesAsJson(@ForAll("jsonLike") String text) {
    byte[] bytes = utf8(text);
    try {
      JsonReader.object(bytes, 0, bytes.length);
    } catch (MalformedFrameException expected) {
      assertTrue(expected.getMessage().length() > 5);
    }
  }

  @Property(tries = 300)
  void shouldWriteWhatTheOfficialCodecReads(
      @ForAll("fields") HashMap<String, String> fields,
      @ForAll @IntRange(max = 32_767) int code,
      @ForAll int opaque,
      @ForAll("texts") String remark,
      @ForAll boolean json)
      throws Exception {
    ExtFields ext = new ExtFields();
    fields.forEach(ext::put);
    byte[] body = utf8(remark);
    byte[] frame =
        json
            ? RawClient.json(code, opaque, 1, ext, body)
            : RawClient.binary(code, opaque, 1, ext, body);
    RemotingCommand read = RemotingCommand.decode(ByteBuffer.wrap(frame, 4, frame.length - 4));
    assertEquals(code, read.getCode());
    assertEquals(opaque, read.getOpaque());
    assertEquals(1, read.getFlag());
    assertEquals(HeaderCodec.VERSION, read.getVersion());
    assertEquals(fields, read.getExtFields() == null ? Map.of() : read.getExtFields());
    assertArrayEquals(body, read.getBody() == null ? new byte[0] : read.getBody());
  }

  @Property(tries = 300)
  void shouldReadWhatTheOfficialCodecWrites(
      @ForAll("fields") HashMap<String, String> fields,
      @ForAll @IntRange(max = 32_767) int code,
      @ForAll("texts") String remark,
      @ForAll boolean json) {
    Command read = decode(official(fields, code, remark, json)).get(0);
    assertEquals(code, read.code);
    assertEquals(remark.isEmpty() ? null : remark, "".equals(read.remark) ? null : read.remark);
    assertEquals(fields.size(), read.fields().count());
    fields.forEach((name, value) -> assertEquals(value, read.fields().get(name)));
    assertEquals("JAVA", read.language);
  }

  @Provide
  Arbitrary<byte[]> frames() {
    return Combinators.combine(
            fields(),
            Arbitraries.integers().between(0, 32_767),
            texts(),
            Arbitraries.of(true, false))
        .as(FrameCodecTest::official);
  }

  @Provide
  Arbitrary<HashMap<String, String>> fields() {
    return Arbitraries.maps(
            Arbitraries.strings().alpha().ofMinLength(1).ofMaxLength(12),
            texts().filter(t -> !t.isEmpty()))
        .ofMaxSize(12)
        .map(HashMap::new);
  }

  @Provide
  Arbitrary<String> texts() {
    return Arbitraries.strings()
        .withCharRange((char) 0, (char) 127)
        .withChars('\u0001', '\u0002', '"', '\\', '\u00e9', '\u4e2d')
        .ofMaxLength(40);
  }

  @Provide
  Arbitrary<String> jsonLike() {
    return Arbitraries.strings()
        .withChars("{}[]\":,\\ux0019aeltrufns.- \u00e9")
        .ofMaxLength(60)
        .map(text -> "{" + text);
  }

  private static byte[] official(
      Map<String, String> fields, int code, String remark, boolean json) {
    RemotingCommand command = RemotingCommand.createRequestCommand(code, null);
    command.setSerializeTypeCurrentRPC(json ? SerializeType.JSON : SerializeType.ROCKETMQ);
    command.setRemark(remark);
    command.setExtFields(new HashMap<>(fields));
    command.setBody("{\"a\":[1,\"x\",{}]}".getBytes(StandardCharsets.UTF_8));
    ByteBuffer frame = command.encode();
    byte[] bytes = new byte[frame.remaining()];
    frame.get(bytes);
    return bytes;
  }

  private static List<Command> decode(byte[] bytes) {
    List<Command> commands = new ArrayList<>();
    new FrameDecoder(MAX_FRAME).feed(bytes, 0, bytes.length, commands::add);
    return commands;
  }

  /** As a socket does it: each read is an array of its own, and the bytes need not start at 0. */
  private static void feedCopy(
      FrameDecoder decoder, byte[] bytes, int from, int to, List<Command> sink) {
    byte[] read = new byte[to - from + 3];
    System.arraycopy(bytes, from, read, 2, to - from);
    decoder.feed(read, 2, 2 + to - from, sink::add);
  }

  private static void assertSame(Command expected, Command actual) {
    assertEquals(expected.code, actual.code);
    assertEquals(expected.remark, actual.remark);
    assertEquals(expected.body(), actual.body());
    assertEquals(expected.fields().count(), actual.fields().count());
    for (int i = 0; i < expected.fields().count(); i++) {
      assertEquals(expected.fields().name(i), actual.fields().name(i));
      assertEquals(expected.fields().value(i), actual.fields().value(i));
    }
  }

  private static byte[] concat(List<byte[]> parts) {
    ByteBuffer all = ByteBuffer.allocate(parts.stream().mapToInt(part -> part.length).sum());
    parts.forEach(all::put);
    return all.array();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static long usedMemory() {
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }
}
