package io.sluice.bus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.testkit.ManualClock;
import io.sluice.util.WireWriter;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Goes through every message of the contract that there is: values made at random cross as bytes
 * and come back the same; bytes cut off or changed at random are refused in words or give some
 * message, and nothing else.
 */
class WireTest {

  private static final int ROUNDS = 50;
  private static final int MUTATIONS = 200;

  private final ManualClock clock = new ManualClock(1_000_000);
  private final Wire wire = new Wire(clock);

  @Test
  void shouldBringBackEveryKindOfMessage() throws Exception {
    for (Class<?> kind : kinds()) {
      for (int seed = 0; seed < ROUNDS; seed++) {
        RandomMessages random = new RandomMessages(new Random(seed), kinds());
        BusMessage message = random.message(kind);
        Map<String, String> before = describe(message);
        BusMessage after = wire.read(encode(message));
        assertEquals(before, describe(after), Wire.nameOf(kind) + ", seed " + seed);
      }
    }
  }

  @Test
  void shouldRefuseEveryCutInWords() throws Exception {
    for (Class<?> kind : kinds()) {
      byte[] bytes = encode(new RandomMessages(new Random(1), kinds()).message(kind));
      for (int length = 0; length < bytes.length; length++) {
        byte[] cut = Arrays.copyOf(bytes, length);
        SluiceException refused =
            assertThrows(SluiceException.class, () -> wire.read(cut), Wire.nameOf(kind));
        assertTrue(
            refused.code() == ErrorCode.MALFORMED_REQUEST
                || refused.code() == ErrorCode.NOT_SUPPORTED);
      }
    }
  }

  @Test
  void shouldTakeOrRefuseChangedBytesButNothingElse() throws Exception {
    for (Class<?> kind : kinds()) {
      Random random = new Random(kind.getName().hashCode());
      byte[] bytes = encode(new RandomMessages(random, kinds()).message(kind));
      for (int i = 0; i < MUTATIONS; i++) {
        byte[] changed = bytes.clone();
        for (int n = random.nextInt(4); n >= 0; n--) {
          changed[random.nextInt(changed.length)] = (byte) random.nextInt();
        }
        try {
          wire.read(changed);
        } catch (SluiceException expected) {
          assertFalse(expected.getMessage().isBlank());
        }
      }
    }
  }

  @Test
  void shouldNameVersionAndKindThatAreNotKnown() {
    byte[] bytes = encode(new ReleaseRequest("front:1"));
    byte[] newer = bytes.clone();
    newer[0] = 2;
    SluiceException version = assertThrows(SluiceException.class, () -> wire.read(newer));
    assertEquals(ErrorCode.NOT_SUPPORTED, version.code());
    assertTrue(version.getMessage().contains("wire version 2"), version.getMessage());
    assertTrue(version.getMessage().contains("version 1"), version.getMessage());

    byte[] other = bytes.clone();
    other[2] = 'X';
    SluiceException kind = assertThrows(SluiceException.class, () -> wire.read(other));
    assertEquals(ErrorCode.NOT_SUPPORTED, kind.code());
    assertTrue(kind.getMessage().contains("'XeleaseRequest'"), kind.getMessage());
    assertTrue(kind.getMessage().contains("wire version 1"), kind.getMessage());
  }

  @Test
  void shouldMakeNothingThatIsNoMessage() {
    for (String name : List.of("Wire", "BusCodec", "BusMessage", "ErrorCode", "java.lang.Thread")) {
      WireWriter out = new WireWriter(64);
      out.writeByte(Wire.VERSION);
      out.writeByte(name.length());
      out.writeRaw(name.getBytes(), 0, name.length());
      out.writeInt(0);
      byte[] bytes = Arrays.copyOf(out.bytes(), out.size());
      SluiceException refused = assertThrows(SluiceException.class, () -> wire.read(bytes));
      assertEquals(ErrorCode.NOT_SUPPORTED, refused.code(), name);
    }
  }

  @Test
  void shouldSayWhichFieldIsBroken() {
    byte[] bytes = encode(new ReceiveRequest("g", "t", 1, 1, 0, 1, Filter.ALL, false, null, "h"));
    // The first field's length: after version, name, and the length of all fields.
    bytes[2 + "ReceiveRequest".length() + 4] = 1;
    SluiceException refused = assertThrows(SluiceException.class, () -> wire.read(bytes));
    assertTrue(refused.getMessage().contains("ReceiveRequest.group"), refused.getMessage());
  }

  @Test
  void shouldTakeMessagesOfSendersWithFewerOrMoreFields() {
    // A GroupConfig as a sender wrote it that knew only the first two fields, and one more.
    WireWriter older = new WireWriter(64);
    header(older, "GroupConfig");
    int start = older.beginLength();
    older.writeText("billing");
    older.writeInt(5);
    older.endLength(start);
    GroupConfig read = (GroupConfig) wire.read(Arrays.copyOf(older.bytes(), older.size()));
    assertEquals("billing", read.name());
    assertEquals(5, read.maxAttempts());
    assertEquals(0, read.orderedRetryDelayMs());

    WireWriter newer = new WireWriter(64);
    header(newer, "ReleaseRequest");
    start = newer.beginLength();
    newer.writeText("front:1");
    newer.writeLong(42);
    newer.endLength(start);
    assertEquals(
        new ReleaseRequest("front:1"), wire.read(Arrays.copyOf(newer.bytes(), newer.size())));
  }

  @Test
  void shouldCloseABlockOnceItIsEncoded() {
    int[] closed = new int[1];
    ByteBuffer log = ByteBuffer.allocateDirect(100);
    MessageBlock block =
        new MessageBlock(
            new ByteBuffer[] {log}, new int[] {10}, new int[] {20}, 1, () -> closed[0]++);
    byte[] bytes = encode(new AdminRequest.Found(block));
    assertEquals(1, closed[0]);
    AdminRequest.Found found = (AdminRequest.Found) wire.read(bytes);
    assertEquals(1, found.messages().count());
    assertEquals(20, found.messages().size(0));
  }

  @Test
  void shouldCarrySteadyTimesAsAges() {
    MessageBatch batch = RandomMessages.batch(new Random(3));
    byte[] bytes =
        encode(new AppendRequest(batch, AckLevel.DISK, false, clock.nowNs() - 5_000_000));
    clock.advanceMs(1_000);
    AppendRequest read = (AppendRequest) wire.read(bytes);
    assertEquals(clock.nowNs() - 5_000_000, read.receivedNs());
    ReceiveReply unknown =
        new ReceiveReply(MessageBlock.empty(), new long[0], new int[0], 0, 0, true);
    assertEquals(0, ((ReceiveReply) wire.read(encode(unknown))).receivedNs());
  }

  @Test
  void shouldSealAndReadABatchThatCrossed() {
    MessageBatch batch = RandomMessages.batch(new Random(7));
    AppendRequest crossed =
        (AppendRequest) wire.read(encode(new AppendRequest(batch, AckLevel.DISK, false, 0)));
    for (int i = 0; i < batch.count(); i++) {
      batch.seal(i, i, 10 + i, 1000, 5, new byte[8]);
      crossed.batch().seal(i, i, 10 + i, 1000, 5, new byte[8]);
    }
    assertArrayEquals(
        Arrays.copyOf(batch.bytes(), batch.size()),
        Arrays.copyOf(crossed.batch().bytes(), crossed.batch().size()));
  }

  @Test
  void shouldCarryEveryFieldOfTheClassesThatAreNoRecords() {
    assertFields(
        MessageBatch.class,
        Set.of(
            "bytes",
            "size",
            "count",
            "positions",
            "topics",
            "selectors",
            "tagsCodes",
            "dueTimesMs",
            "keyEnds",
            "keyHashes",
            "keyCount",
            "halves",
            "repeatHashes"),
        Set.of("crc", "lastTopic", "lastTopicBytes"));
    assertFields(
        MessageBlock.class,
        Set.of("buffers", "positions", "sizes", "count"),
        Set.of("release", "closed"));
    assertFields(
        AppendReply.class,
        Set.of(
            "brokerName",
            "storedAtMs",
            "queueIds",
            "queueOffsets",
            "physicalOffsets",
            "errors",
            "deliverTimesMs",
            "epoch",
            "halves",
            "firstIds"),
        Set.of());
    assertFields(
        SettleRequest.class,
        Set.of(
            "group",
            "count",
            "kinds",
            "topics",
            "queueIds",
            "queueOffsets",
            "leases",
            "durationsMs",
            "reasons"),
        Set.of());
  }

  @Test
  void shouldGiveEveryErrorItsOwnNumber() {
    Set<Integer> numbers =
        Arrays.stream(ErrorCode.values()).map(ErrorCode::wireNumber).collect(Collectors.toSet());
    assertEquals(ErrorCode.values().length, numbers.size());
    assertEquals(ErrorCode.INTERNAL, ErrorCode.ofWireNumber(1));
  }

  private static void assertFields(Class<?> type, Set<String> carried, Set<String> own) {
    Set<String> found =
        Arrays.stream(type.getDeclaredFields())
            .filter(field -> !Modifier.isStatic(field.getModifiers()))
            .map(Field::getName)
            .collect(Collectors.toCollection(TreeSet::new));
    found.removeAll(own);
    assertEquals(
        new TreeSet<>(carried),
        found,
        type.getSimpleName()
            + " has other fields than this test knows: write and read the new one in its writeTo"
            + " and readFrom, then name it here");
  }

  private static void header(WireWriter out, String kind) {
    out.writeByte(Wire.VERSION);
    out.writeByte(kind.length());
    out.writeRaw(kind.getBytes(), 0, kind.length());
  }

  private byte[] encode(BusMessage message) {
    WireWriter out = new WireWriter(16);
    wire.write(out, message);
    return Arrays.copyOf(out.bytes(), out.size());
  }

  /** All messages, by name; each must have an encoding. */
  private List<Class<?>> kinds() throws IOException {
    Map<String, Class<?>> kinds = new TreeMap<>();
    Path classes =
        Path.of(Wire.class.getProtectionDomain().getCodeSource().getLocation().getPath());
    try (Stream<Path> files = Files.list(classes.resolve("io/sluice/bus"))) {
      for (String file : files.map(path -> path.getFileName().toString()).toList()) {
        Class<?> type = load(file);
        boolean isMessage =
            type != null
                && BusMessage.class.isAssignableFrom(type)
                && !type.isInterface()
                && Modifier.isPublic(type.getModifiers());
        if (isMessage) {
          try {
            wire.fieldsOf(type);
          } catch (IllegalStateException e) {
            fail(e.getMessage());
          }
          kinds.put(type.getName(), type);
        }
      }
    }
    assertTrue(kinds.size() > 40, "found only " + kinds.keySet());
    return List.copyOf(kinds.values());
  }

  private static Class<?> load(String file) {
    try {
      return file.endsWith(".class")
          ? Class.forName(
              "io.sluice.bus." + file.substring(0, file.length() - 6),
              false,
              Wire.class.getClassLoader())
          : null;
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Every value in an object, by its path. */
  private static Map<String, String> describe(Object value) throws IllegalAccessException {
    Map<String, String> values = new TreeMap<>();
    describe("", value, values);
    return values;
  }

  private static void describe(String path, Object value, Map<String, String> into)
      throws IllegalAccessException {
    if (value == null
        || value instanceof Number
        || value instanceof Boolean
        || value instanceof String
        || value instanceof Enum<?>) {
      into.put(path, String.valueOf(value));
    } else if (value instanceof SluiceException failure) {
      into.put(path, failure.code() + " " + failure.getMessage());
    } else if (value instanceof MessageBatch batch) {
      RandomMessages.describe(batch, path, into);
    } else if (value instanceof MessageBlock block) {
      RandomMessages.describe(block, path, into);
    } else if (value instanceof AppendReply reply) {
      RandomMessages.describe(reply, path, into);
    } else if (value instanceof SettleRequest request) {
      RandomMessages.describe(request, path, into);
    } else if (value instanceof Iterable<?> all) {
      int index = 0;
      for (Object item : all) {
        describe(path + '[' + index++ + ']', item, into);
      }
      into.put(path + ".size", String.valueOf(index));
    } else if (value instanceof Map<?, ?> map) {
      into.put(path, new TreeMap<>(map).toString());
    } else if (value.getClass().isArray()) {
      int length = java.lang.reflect.Array.getLength(value);
      for (int i = 0; i < length; i++) {
        describe(path + '[' + i + ']', java.lang.reflect.Array.get(value, i), into);
      }
      into.put(path + ".length", String.valueOf(length));
    } else {
      into.put(path, value.getClass().getName());
      for (Field field : value.getClass().getDeclaredFields()) {
        if (!Modifier.isStatic(field.getModifiers())) {
          field.setAccessible(true);
          describe(path + '.' + field.getName(), field.get(value), into);
        }
      }
    }
  }
}
