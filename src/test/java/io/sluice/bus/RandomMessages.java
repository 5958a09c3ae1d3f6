package io.sluice.bus;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/** Messages of the contract with random values in every field. */
final class RandomMessages {

  private final Random random;
  private final List<Class<?>> kinds;

  RandomMessages(Random random, List<Class<?>> kinds) {
    this.random = random;
    this.kinds = kinds;
  }

  BusMessage message(Class<?> kind) throws Exception {
    return (BusMessage) value(kind, "");
  }

  private Object value(Type type, String name) throws Exception {
    if (type instanceof ParameterizedType generic) {
      return collection(generic);
    }
    Class<?> plain = (Class<?>) type;
    if (plain.isPrimitive()) {
      return primitive(plain);
    }
    if (plain == AppendReply.class) {
      return appendReply();
    }
    if (plain == SettleRequest.class) {
      return settleRequest();
    }
    if (plain == MessageBatch.class) {
      return batch(random);
    }
    if (plain == MessageBlock.class) {
      return block();
    }
    if (plain.isEnum()) {
      Object[] constants = plain.getEnumConstants();
      return constants[random.nextInt(constants.length)];
    }
    if (!name.isEmpty() && random.nextInt(6) == 0) {
      return null;
    }
    if (plain == String.class) {
      return text();
    }
    if (plain == Integer.class
        || plain == Long.class
        || plain == Double.class
        || plain == Boolean.class) {
      return primitive((Class<?>) plain.getField("TYPE").get(null));
    }
    if (plain == SluiceException.class) {
      return new SluiceException(ErrorCode.BUSY, text());
    }
    if (plain.isArray()) {
      Object array = Array.newInstance(plain.getComponentType(), random.nextInt(5));
      for (int i = 0; i < Array.getLength(array); i++) {
        Array.set(array, i, value(plain.getComponentType(), "item"));
      }
      return array;
    }
    if (plain.isInterface()) {
      List<Class<?>> fitting = kinds.stream().filter(plain::isAssignableFrom).toList();
      return value(fitting.get(random.nextInt(fitting.size())), "");
    }
    return record(plain);
  }

  private Object record(Class<?> type) throws Exception {
    RecordComponent[] components = type.getRecordComponents();
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    Constructor<?> constructor = type.getDeclaredConstructor(types);
    constructor.setAccessible(true);
    IllegalArgumentException refused = null;
    // A record may refuse some values; most are taken at once.
    for (int attempt = 0; attempt < 100; attempt++) {
      Object[] values = new Object[components.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = value(components[i].getGenericType(), components[i].getName());
      }
      try {
        return constructor.newInstance(values);
      } catch (java.lang.reflect.InvocationTargetException e) {
        refused = new IllegalArgumentException(type + " takes no random values", e.getCause());
      }
    }
    throw refused;
  }

  private Object collection(ParameterizedType type) throws Exception {
    if (random.nextInt(6) == 0) {
      return null;
    }
    Type[] arguments = type.getActualTypeArguments();
    int size = random.nextInt(4);
    if (type.getRawType() == Map.class) {
      Map<Object, Object> map = new LinkedHashMap<>();
      for (int i = 0; i < size; i++) {
        map.put(value(arguments[0], ""), value(arguments[1], ""));
      }
      return map;
    }
    List<Object> list = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      list.add(value(arguments[0], ""));
    }
    return type.getRawType() == Set.class ? new LinkedHashSet<>(list) : list;
  }

  private Object primitive(Class<?> type) {
    if (type == int.class) {
      return random.nextInt();
    }
    if (type == boolean.class) {
      return random.nextBoolean();
    }
    if (type == byte.class) {
      return (byte) random.nextInt();
    }
    return type == double.class ? (Object) random.nextDouble() : (Object) random.nextLong();
  }

  private String text() {
    return random
        .ints(random.nextInt(20), 0, 0x2000)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  private AppendReply appendReply() {
    AppendReply reply =
        new AppendReply(text(), random.nextInt(6), random.nextLong()).inEpoch(random.nextLong());
    for (int i = 0; i < reply.count(); i++) {
      switch (random.nextInt(5)) {
        case 0 -> reply.refused(i, new SluiceException(ErrorCode.DISK_FULL, text()));
        case 1 -> reply.delayed(i, 1 + random.nextInt(1000), random.nextLong());
        case 2 -> reply.half(i, random.nextLong(), random.nextLong());
        case 3 -> {
          reply.stored(i, random.nextInt(), random.nextLong(), random.nextLong());
          reply.repeats(i, text());
        }
        default -> reply.stored(i, random.nextInt(), random.nextLong(), random.nextLong());
      }
    }
    return reply;
  }

  private SettleRequest settleRequest() {
    SettleRequest request = new SettleRequest(text());
    for (int i = random.nextInt(20); i > 0; i--) {
      SettleRequest.Kind[] all = SettleRequest.Kind.values();
      request.add(
          all[random.nextInt(all.length)],
          "topic" + random.nextInt(2),
          random.nextInt(),
          random.nextLong(),
          random.nextLong(),
          random.nextLong(),
          random.nextBoolean() ? null : text());
    }
    return request;
  }

  private MessageBlock block() {
    int count = random.nextInt(5);
    ByteBuffer log = ByteBuffer.allocateDirect(1000);
    for (int i = 0; i < log.capacity(); i++) {
      log.put(i, (byte) random.nextInt());
    }
    ByteBuffer[] buffers = new ByteBuffer[count];
    Arrays.fill(buffers, log);
    int[] positions = random.ints(count, 0, 500).toArray();
    int[] sizes = random.ints(count, 0, 500).toArray();
    return new MessageBlock(buffers, positions, sizes, count, () -> {});
  }

  static MessageBatch batch(Random random) {
    MessageBatch batch = new MessageBatch();
    PropertiesWriter properties = new PropertiesWriter();
    for (int i = random.nextInt(5); i >= 0; i--) {
      byte[] body = new byte[random.nextInt(300)];
      random.nextBytes(body);
      properties.clear().put(PropertyNames.UNIQUE_KEY, "id" + random.nextInt());
      if (random.nextBoolean()) {
        properties.put(PropertyNames.TAGS, "tag" + random.nextInt(3));
        properties.put(PropertyNames.KEYS, "one two");
      }
      String topic = "topic" + random.nextInt(2);
      if (random.nextInt(3) == 0) {
        batch.addDelayed(
            topic,
            QueueSelector.ANY,
            1 + random.nextInt(1000),
            1,
            0,
            random.nextLong(),
            new byte[8],
            0,
            ByteBuffer.wrap(body),
            properties);
      } else {
        batch.add(
            topic,
            QueueSelector.orderingKey("k" + random.nextInt()),
            random.nextInt(),
            0,
            random.nextLong(),
            new byte[8],
            random.nextInt(16),
            0,
            ByteBuffer.wrap(body),
            properties);
      }
    }
    return batch;
  }

  static void describe(MessageBatch batch, String path, Map<String, String> into) {
    into.put(path, Arrays.hashCode(Arrays.copyOf(batch.bytes(), batch.size())) + "");
    for (int i = 0; i < batch.count(); i++) {
      into.put(
          path + '[' + i + ']',
          batch.position(i)
              + " "
              + batch.recordBytes(i)
              + " "
              + batch.topic(i)
              + " "
              + batch.selector(i)
              + " "
              + batch.tagsCode(i)
              + " "
              + batch.dueAtMs(i)
              + " "
              + batch.keyStart(i)
              + " "
              + batch.keyEnd(i)
              + " "
              + batch.isHalf(i)
              + " "
              + batch.repeatHash(i));
      for (int place = batch.keyStart(i); place < batch.keyEnd(i); place++) {
        into.put(path + ".keyHash" + place, batch.keyHash(place) + "");
      }
    }
  }

  static void describe(MessageBlock block, String path, Map<String, String> into) {
    into.put(path, block.count() + "");
    for (int i = 0; i < block.count(); i++) {
      byte[] bytes = new byte[block.size(i)];
      block.buffer(i).get(block.position(i), bytes);
      into.put(path + '[' + i + ']', Arrays.toString(bytes));
    }
  }

  static void describe(AppendReply reply, String path, Map<String, String> into) {
    into.put(
        path,
        reply.brokerName() + " " + reply.storedAtMs() + " " + reply.count() + " " + reply.epoch());
    for (int i = 0; i < reply.count(); i++) {
      SluiceException error = reply.error(i);
      into.put(
          path + '[' + i + ']',
          error != null
              ? error.code() + " " + error.getMessage()
              : reply.queueId(i)
                  + " "
                  + reply.queueOffset(i)
                  + " "
                  + reply.physicalOffset(i)
                  + " "
                  + reply.deliverAtMs(i)
                  + " "
                  + reply.isHalf(i)
                  + " "
                  + reply.isDuplicate(i)
                  + " "
                  + reply.messageId(i, "own"));
    }
  }

  static void describe(SettleRequest request, String path, Map<String, String> into) {
    into.put(path, request.group() + " " + request.count());
    for (int i = 0; i < request.count(); i++) {
      into.put(
          path + '[' + i + ']',
          request.kind(i)
              + " "
              + request.topic(i)
              + " "
              + request.queueId(i)
              + " "
              + request.queueOffset(i)
              + " "
              + request.lease(i)
              + " "
              + request.durationMs(i)
              + " "
              + request.reason(i));
    }
  }
}
