package io.sluice.message;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class MessageBatchTest {

  // Apache RocketMQ 5.5.0 wrote this record; see the message format reference, test vectors.
  private static final String ROCKETMQ_RECORD =
      "00000074daa320a73610a6860000000300000007000000000000002a0000000000000400000000000000018b"
          + "cfe568000a01020300009c400000018bcfe5687b0a01020400002a9f0000000000000000000000000000"
          + "000568656c6c6f0254310012544147530154616741024b455953016b3102";

  private static final byte[] BORN_HOST = HexFormat.of().parseHex("0a01020300009c40");
  private static final byte[] STORE_HOST = HexFormat.of().parseHex("0a01020400002a9f");

  @Test
  void shouldWriteTheBytesThatRocketMqWritesButForTheRecordCrc() {
    byte[] ours = sealedHello();
    byte[] theirs = HexFormat.of().parseHex(ROCKETMQ_RECORD);
    int propertiesLengthAt = theirs.length - 20;
    // Total size and properties length count the record CRC; everything else is the same.
    assertEquals(theirs.length + MessageBatch.CRC_PROPERTY_BYTES, ours.length);
    for (int i = 4; i < theirs.length; i++) {
      if (i != propertiesLengthAt && i != propertiesLengthAt + 1) {
        assertEquals(theirs[i], ours[i], "byte " + i);
      }
    }
  }

  @Test
  void shouldReadWhatRocketMqWrote() {
    ByteBuffer record = ByteBuffer.wrap(HexFormat.of().parseHex(ROCKETMQ_RECORD));
    assertEquals(116, MessageView.wholeRecordBytes(record, 0, 116, 1024));
    MessageView view = new MessageView().wrap(record, 0);
    assertEquals("T1", view.topic());
    assertEquals("hello", new String(view.body(), StandardCharsets.UTF_8));
    assertEquals(3, view.queueId());
    assertEquals(7, view.flag());
    assertEquals(42, view.queueOffset());
    assertEquals(1024, view.physicalOffset());
    assertEquals(1_700_000_000_000L, view.bornAtMs());
    assertEquals(1_700_000_000_123L, view.storedAtMs());
    assertEquals("10.1.2.3:40000", view.bornHostText());
    assertEquals("10.1.2.4:10911", view.storeHostText());
    assertEquals("TagA", view.property("TAGS"));
    assertEquals("k1", view.property("KEYS"));
    assertNull(view.property("TAG"));
  }

  @Test
  void shouldFindEveryFlippedBitOfItsOwnRecords() {
    byte[] record = sealedHello();
    assertEquals(
        record.length,
        MessageView.wholeRecordBytes(ByteBuffer.wrap(record), 0, record.length, 1024));
    for (int bit = 0; bit < record.length * 8; bit++) {
      byte[] flipped = record.clone();
      flipped[bit / 8] ^= (byte) (1 << bit % 8);
      assertEquals(
          0,
          MessageView.wholeRecordBytes(ByteBuffer.wrap(flipped), 0, record.length, 1024),
          "bit " + bit);
    }
  }

  @Test
  void shouldRefuseEveryRecordThatIsCutShort() {
    byte[] record = sealedHello();
    for (int length = 0; length < record.length; length++) {
      assertEquals(
          0, MessageView.wholeRecordBytes(ByteBuffer.wrap(record), 0, length, 1024), "" + length);
    }
  }

  @Test
  void shouldUseTwoBytesForATopicLongerThan127() {
    String topic = "%RETRY%" + "g".repeat(130);
    MessageBatch batch = new MessageBatch();
    add(batch, topic, "x", new PropertiesWriter());
    batch.seal(0, 0, 0, 0, 1, STORE_HOST);
    ByteBuffer bytes = ByteBuffer.wrap(batch.bytes());
    assertEquals(MessageLayout.MAGIC_V2, bytes.getInt(MessageLayout.MAGIC));
    assertEquals(batch.size(), MessageView.wholeRecordBytes(bytes, 0, batch.size(), 0));
    assertEquals(topic, new MessageView().wrap(bytes, 0).topic());
  }

  @Test
  void shouldHashTheUniqueKeyAndEachWordOfTheKeys() {
    MessageBatch batch = new MessageBatch();
    add(batch, "T", "x", new PropertiesWriter().put("UNIQ_KEY", "U").put("KEYS", "a  bc"));
    assertEquals(3, batch.keyEnd(0) - batch.keyStart(0));
    assertEquals("T#U".hashCode() & 0x7fffffff, batch.keyHash(0));
    assertEquals("T#a".hashCode() & 0x7fffffff, batch.keyHash(1));
    assertEquals("T#bc".hashCode() & 0x7fffffff, batch.keyHash(2));
  }

  @Test
  void shouldRefusePropertiesOverTheLimitAndStayUsable() {
    MessageBatch batch = new MessageBatch();
    PropertiesWriter tooMuch = new PropertiesWriter().put("p", "x".repeat(32_767));
    assertThrows(IllegalArgumentException.class, () -> add(batch, "T", "x", tooMuch));
    assertEquals(0, batch.count());
    add(batch, "T", "x", new PropertiesWriter());
    assertEquals(1, batch.count());
  }

  @Test
  void shouldRefuseSeparatorsInProperties() {
    assertThrows(IllegalArgumentException.class, () -> new PropertiesWriter().put("a\u0001b", "x"));
    assertThrows(IllegalArgumentException.class, () -> new PropertiesWriter().put("a", "ä\u0002"));
  }

  @Test
  void shouldReadEncodedPropertiesWithAndWithoutTheLastSeparator() {
    for (String encoded : List.of("TAGS\u0001t\u0002a\u0001ä\u0002", "TAGS\u0001t\u0002a\u0001ä")) {
      MessageBatch batch = new MessageBatch();
      add(batch, "T", "x", new PropertiesWriter().putEncoded(encoded));
      MessageView view = new MessageView().wrap(ByteBuffer.wrap(batch.bytes()), 0);
      assertEquals("t", view.property("TAGS"));
      assertEquals("ä", view.property("a"));
      assertEquals("t".hashCode(), batch.tagsCode(0));
    }
  }

  @Property(tries = 200)
  void shouldGiveBackWhatWasPutIn(
      @ForAll @Size(max = 20) List<byte[]> bodies,
      @ForAll @Size(max = 5) Map<Short, String> extra) {
    MessageBatch batch = new MessageBatch(16);
    Map<String, String> expected = new LinkedHashMap<>();
    extra.forEach(
        (key, value) -> {
          String clean = value.replace("\u0001", "").replace("\u0002", "");
          // Unpaired surrogates have no UTF-8.
          clean = new String(clean.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
          if (!clean.isEmpty()) {
            expected.put("p" + key, clean);
          }
        });
    for (byte[] body : bodies) {
      PropertiesWriter properties = new PropertiesWriter();
      expected.forEach(properties::put);
      batch.add(
          "T", QueueSelector.ANY, 0, 0, 1, BORN_HOST, 0, 0, ByteBuffer.wrap(body), properties);
    }
    ByteBuffer bytes = ByteBuffer.wrap(batch.bytes());
    for (int i = 0; i < bodies.size(); i++) {
      batch.seal(i, 1, i, 100 + batch.position(i), 5, STORE_HOST);
      assertEquals(
          batch.recordBytes(i),
          MessageView.wholeRecordBytes(
              bytes, batch.position(i), batch.size(), 100 + batch.position(i)));
      MessageView view = new MessageView().wrap(bytes, batch.position(i));
      assertArrayEquals(bodies.get(i), view.body());
      Map<String, String> found = new LinkedHashMap<>();
      view.forEachProperty(found::put);
      assertEquals(expected, found);
    }
  }

  @Test
  void shouldSpreadOrderingKeysOverAllQueuesAndKeepEachInOne() {
    List<Integer> used = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      long selector = QueueSelector.orderingKey("user-" + i);
      int queue = QueueSelector.queueOfKey(selector, 8);
      assertEquals(queue, QueueSelector.queueOfKey(QueueSelector.orderingKey("user-" + i), 8));
      used.add(queue);
    }
    assertEquals(8, used.stream().distinct().count());
  }

  private static byte[] sealedHello() {
    MessageBatch batch = new MessageBatch();
    PropertiesWriter properties = new PropertiesWriter().put("TAGS", "TagA").put("KEYS", "k1");
    batch.add(
        "T1",
        QueueSelector.ANY,
        7,
        0,
        1_700_000_000_000L,
        BORN_HOST,
        0,
        0,
        ByteBuffer.wrap("hello".getBytes(StandardCharsets.UTF_8)),
        properties);
    batch.seal(0, 3, 42, 1024, 1_700_000_000_123L, STORE_HOST);
    byte[] record = new byte[batch.size()];
    System.arraycopy(batch.bytes(), 0, record, 0, record.length);
    return record;
  }

  private static void add(
      MessageBatch batch, String topic, String body, PropertiesWriter properties) {
    batch.add(
        topic,
        QueueSelector.ANY,
        0,
        0,
        1,
        BORN_HOST,
        0,
        0,
        ByteBuffer.wrap(body.getBytes(StandardCharsets.UTF_8)),
        properties);
  }
}
