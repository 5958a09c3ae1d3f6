package io.sluice.message;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.Test;

class PlainBodiesTest {

  private static final int LIMIT = 1 << 20;
  private static final int LZ4 = 0x100;
  private static final int ZSTD = 0x200;
  private static final int NEW_ZLIB = 0x300;
  private static final byte[] V4_HOST = {10, 1, 2, 3, 0, 0, 0x2a, (byte) 0x9f};
  private static final byte[] V6_HOST = new byte[20];
  private static final byte[] TEXT =
      "what a client sends, ".repeat(5_000).getBytes(StandardCharsets.UTF_8);

  private final PlainBodies bodies = new PlainBodies(LIMIT);

  @Test
  void shouldLeaveABlockAloneInWhichNothingIsCompressed() {
    MessageBlock block = block(() -> {}, record(0, TEXT), record(0, new byte[0]));
    assertSame(block, bodies.plain(block));
    assertNull(PlainBodies.contentEncoding(block.view(0, new MessageView())));
  }

  @Test
  void shouldInflateZlibOfOldAndNewClientsAndKeepTheRest() {
    for (int kind : new int[] {0, NEW_ZLIB}) {
      byte[] stored = record(1 | kind | MessageLayout.SYS_MULTI_TAGS, zlib(TEXT));
      MessageBlock plain = bodies.plain(block(() -> {}, record(0, TEXT), stored));
      MessageView was = new MessageView().wrap(ByteBuffer.wrap(stored), 0);
      MessageView is = plain.view(1, new MessageView());
      assertArrayEquals(TEXT, is.body());
      assertNull(PlainBodies.contentEncoding(is));
      assertEquals(MessageLayout.SYS_MULTI_TAGS, is.sysFlag());
      assertEquals(plain.size(1), is.size());
      assertEquals(was.size() - was.bodyBytes() + TEXT.length, is.size());
      assertEquals(was.topic(), is.topic());
      assertEquals("yes", is.property("polite"));
      assertEquals(was.queueId(), is.queueId());
      assertEquals(was.queueOffset(), is.queueOffset());
      assertEquals(was.physicalOffset(), is.physicalOffset());
      assertEquals(was.storedAtMs(), is.storedAtMs());
      assertEquals(was.bornHostText(), is.bornHostText());
      assertEquals(was.storeHostText(), is.storeHostText());
      assertArrayEquals(TEXT, plain.view(0, new MessageView()).body());
    }
  }

  @Test
  void shouldInflateWhereTheHostIsIpV6AndTheTopicLong() {
    byte[] stored =
        record("t".repeat(200), 1 | MessageLayout.SYS_BORN_HOST_V6, zlib(TEXT), V6_HOST);
    MessageView view = bodies.plain(new MessageView().wrap(ByteBuffer.wrap(stored), 0));
    assertArrayEquals(TEXT, view.body());
    assertEquals("t".repeat(200), view.topic());
    assertEquals("yes", view.property("polite"));
  }

  @Test
  void shouldReadARecordInTheMiddleOfADirectBufferAndLeaveItAsItIs() {
    byte[] stored = record(1, zlib(TEXT));
    ByteBuffer buffer = ByteBuffer.allocateDirect(stored.length + 20).put(10, stored);
    MessageBlock block =
        new MessageBlock(
            new ByteBuffer[] {buffer}, new int[] {10}, new int[] {stored.length}, 1, () -> {});
    assertArrayEquals(TEXT, bodies.plain(block).view(0, new MessageView()).body());
    assertEquals(0, buffer.position());
    byte[] after = new byte[stored.length];
    buffer.get(10, after);
    assertArrayEquals(stored, after);
  }

  @Test
  void shouldInflateNothingAndWhatHardlyShrinks() {
    byte[] noise = new byte[100_000];
    new Random(1).nextBytes(noise);
    for (byte[] body : new byte[][] {new byte[0], {1}, noise, new byte[LIMIT]}) {
      assertArrayEquals(body, plain(1, zlib(body)).body());
    }
  }

  @Test
  void shouldHandOutLz4AndZstdAsStoredAndSayWhichItIs() {
    byte[] body = {1, 2, 3};
    for (int kind : new int[] {LZ4, ZSTD, 0x400}) {
      MessageView view = plain(1 | kind, body);
      assertArrayEquals(body, view.body());
      String expected = kind == LZ4 ? "lz4" : kind == ZSTD ? "zstd" : "unknown";
      assertEquals(expected, PlainBodies.contentEncoding(view));
    }
    // The kind means nothing without the flag.
    assertNull(PlainBodies.contentEncoding(plain(ZSTD, body)));
  }

  @Test
  void shouldHandOutWhatDoesNotInflateAsStored() {
    byte[] whole = zlib(TEXT);
    byte[] flipped = whole.clone();
    flipped[flipped.length - 1] ^= 1;
    byte[] dictionary = {0x78, (byte) 0xbb, 0, 0, 0, 1, 3, 0};
    for (byte[] body :
        new byte[][] {
          Arrays.copyOf(whole, whole.length - 1),
          Arrays.copyOf(whole, whole.length / 2),
          Arrays.copyOf(whole, 2),
          flipped,
          dictionary,
          "no zlib at all".getBytes(StandardCharsets.US_ASCII),
          new byte[0]
        }) {
      MessageView view = plain(1, body);
      assertArrayEquals(body, view.body());
      assertEquals("zlib", PlainBodies.contentEncoding(view));
    }
  }

  @Test
  void shouldStopAtTheLargestBody() {
    byte[] bomb = zlib(new byte[LIMIT + 1]);
    assertTrue(bomb.length < 2_000);
    MessageView view = plain(1, bomb);
    assertArrayEquals(bomb, view.body());
    assertEquals("zlib", PlainBodies.contentEncoding(view));
  }

  @Test
  void shouldBoundTheBodiesOfOneBlockTogether() {
    byte[][] records = new byte[40][];
    byte[] body = zlib(new byte[LIMIT]);
    Arrays.setAll(records, i -> record(1, body));
    MessageBlock plain = bodies.plain(block(() -> {}, records));
    MessageView view = new MessageView();
    long bytes = 0;
    int inflated = 0;
    for (int i = 0; i < records.length; i++) {
      plain.view(i, view);
      bytes += plain.size(i);
      inflated += PlainBodies.contentEncoding(view) == null ? 1 : 0;
    }
    assertEquals(PlainBodies.MAX_BLOCK_BYTES / LIMIT, inflated);
    assertTrue(bytes < PlainBodies.MAX_BLOCK_BYTES + 40 * 4_000, bytes + " bytes");
    // The next block starts anew.
    assertArrayEquals(new byte[LIMIT], plain(1, body).body());
  }

  @Test
  void shouldCloseTheBlockItStandsFor() {
    AtomicInteger closed = new AtomicInteger();
    MessageBlock block = block(closed::incrementAndGet, record(1, zlib(TEXT)));
    MessageBlock plain = bodies.plain(block);
    plain.close();
    block.close();
    assertEquals(1, closed.get());
  }

  private MessageView plain(int sysFlag, byte[] body) {
    return bodies.plain(block(() -> {}, record(sysFlag, body))).view(0, new MessageView());
  }

  private static MessageBlock block(Runnable release, byte[]... records) {
    ByteBuffer[] buffers = new ByteBuffer[records.length];
    int[] sizes = new int[records.length];
    for (int i = 0; i < records.length; i++) {
      buffers[i] = ByteBuffer.wrap(records[i]);
      sizes[i] = records[i].length;
    }
    return new MessageBlock(buffers, new int[records.length], sizes, records.length, release);
  }

  private static byte[] record(int sysFlag, byte[] body) {
    return record("orders", sysFlag, body, V4_HOST);
  }

  private static byte[] record(String topic, int sysFlag, byte[] body, byte[] bornHost) {
    MessageBatch batch = new MessageBatch();
    PropertiesWriter properties = new PropertiesWriter().put("polite", "yes");
    batch.add(
        topic,
        QueueSelector.ANY,
        7,
        sysFlag,
        1_700_000_000_000L,
        bornHost,
        0,
        0,
        ByteBuffer.wrap(body),
        properties);
    batch.seal(0, 3, 42, 1024, 1_700_000_000_123L, V4_HOST);
    return Arrays.copyOf(batch.bytes(), batch.size());
  }

  private static byte[] zlib(byte[] body) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (var out = new DeflaterOutputStream(bytes, new Deflater(9))) {
      out.write(body);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }
}
