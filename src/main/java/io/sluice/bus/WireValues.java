package io.sluice.bus;

import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.util.Clock;
import io.sluice.util.WireException;
import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;
import java.lang.reflect.Array;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * How each type is written that a field of the contract may have: numbers in fixed width, {@code
 * -1} as the length of null, an enum by the hash of its name, so that its constants may be
 * reordered. Everything but a primitive may be null. A type that is not here has no encoding: add
 * it, or use another.
 */
final class WireValues {

  private final Map<Type, WireValue<?>> simple = new HashMap<>();
  private final Wire wire;

  WireValues(Wire wire) {
    this.wire = wire;
    primitive(int.class, 0, WireWriter::writeInt, WireReader::readInt);
    primitive(long.class, 0L, WireWriter::writeLong, WireReader::readLong);
    primitive(boolean.class, false, WireValues::writeFlag, WireValues::readFlag);
    primitive(double.class, 0.0, WireValues::writeDouble, WireValues::readDouble);
    nullable(Integer.class, WireWriter::writeInt, WireReader::readInt);
    nullable(Long.class, WireWriter::writeLong, WireReader::readLong);
    nullable(Double.class, WireValues::writeDouble, WireValues::readDouble);
    nullable(Boolean.class, WireValues::writeFlag, WireValues::readFlag);
    nullable(MessageBatch.class, (out, batch) -> batch.writeTo(out), MessageBatch::readFrom);
    nullable(MessageBlock.class, WireValues::writeAndClose, MessageBlock::readFrom);
    nullable(
        SluiceException.class,
        (out, failure) -> {
          out.writeInt(failure.code().wireNumber());
          out.writeText(failure.getMessage());
        },
        in -> new SluiceException(ErrorCode.ofWireNumber(in.readInt()), in.readText()));
    plain(String.class, WireWriter::writeText, WireReader::readText);
    plain(byte[].class, WireWriter::writeBytes, WireReader::readBytes);
    plain(int[].class, WireValues::writeInts, WireValues::readInts);
    plain(long[].class, WireValues::writeLongs, WireValues::readLongs);
  }

  /**
   * The way of a type.
   *
   * @param where whose type it is, for the error
   */
  @SuppressWarnings("unchecked") // the way of a type takes values of it
  WireValue<Object> of(Type type, String where) {
    return (WireValue<Object>) find(type, where);
  }

  /** A steady time: another process has another origin, so it travels as an age; 0 stays 0. */
  static WireValue<Long> steadyTime(Clock clock) {
    return new Way<>(
        0L,
        (out, atNs) -> out.writeLong(atNs == 0 ? Long.MIN_VALUE : clock.nowNs() - atNs),
        in -> {
          long ageNs = in.readLong();
          return ageNs == Long.MIN_VALUE ? 0 : clock.nowNs() - ageNs;
        });
  }

  private WireValue<?> find(Type type, String where) {
    WireValue<?> known = simple.get(type);
    if (known != null) {
      return known;
    }
    if (type instanceof ParameterizedType generic) {
      Type[] arguments = generic.getActualTypeArguments();
      if (generic.getRawType() == List.class) {
        return list(of(arguments[0], where));
      }
      if (generic.getRawType() == Set.class) {
        return set(of(arguments[0], where));
      }
      if (generic.getRawType() == Map.class) {
        return map(of(arguments[0], where), of(arguments[1], where));
      }
    }
    if (type instanceof Class<?> plain) {
      if (plain.isEnum()) {
        return ofEnum(plain);
      }
      if (plain.isArray() && !plain.getComponentType().isPrimitive()) {
        return array(plain.getComponentType(), of(plain.getComponentType(), where));
      }
      if (plain.isRecord() || BusMessage.class.isAssignableFrom(plain)) {
        return plain.isInterface() ? anyMessage() : nested(plain);
      }
    }
    throw new IllegalStateException(
        where
            + " is of the type "
            + type.getTypeName()
            + ", which can not cross to another process; use another type, or add this one to"
            + " WireValues");
  }

  private static WireValue<Object> ofEnum(Class<?> type) {
    Map<Integer, Object> byNumber = new HashMap<>();
    for (Object constant : type.getEnumConstants()) {
      if (byNumber.put(numberOf(constant), constant) != null) {
        throw new IllegalStateException(constant + " has the number of another " + type);
      }
    }
    return new Way<>(
        null,
        (out, value) -> out.writeInt(value == null ? 0 : numberOf(value)),
        in -> {
          int number = in.readInt();
          Object constant = byNumber.get(number);
          if (constant == null && number != 0) {
            throw new WireException(
                "a " + type.getSimpleName() + " that is not known here (" + number + ")");
          }
          return constant;
        });
  }

  private static int numberOf(Object constant) {
    return ((Enum<?>) constant).name().hashCode();
  }

  /** A record or message inside of another: its length, then its fields, so that it may grow. */
  private WireValue<Object> nested(Class<?> type) {
    return new Way<>(
        null,
        (out, value) -> {
          if (value == null) {
            out.writeInt(-1);
            return;
          }
          int start = out.beginLength();
          wire.fieldsOf(type).write(out, value);
          out.endLength(start);
        },
        in -> {
          int length = in.readLength();
          if (length < 0) {
            return null;
          }
          int outer = in.enter(length);
          Object value = wire.fieldsOf(type).read(in);
          in.leave(outer);
          return value;
        });
  }

  private WireValue<Object> anyMessage() {
    return new Way<>(
        null,
        (out, value) -> {
          writeFlag(out, value != null);
          if (value != null) {
            wire.writeKindAndFields(out, (BusMessage) value);
          }
        },
        in -> readFlag(in) ? wire.readKindAndFields(in) : null);
  }

  private static WireValue<Object> list(WireValue<Object> item) {
    return new Way<>(
        null,
        (out, list) -> writeAll(out, (List<?>) list, item),
        in -> {
          int count = in.readCount(1);
          return count < 0
              ? null
              : Collections.unmodifiableList(readAll(in, count, item, new ArrayList<>(count)));
        });
  }

  private static WireValue<Object> set(WireValue<Object> item) {
    return new Way<>(
        null,
        (out, set) -> writeAll(out, (Set<?>) set, item),
        in -> {
          int count = in.readCount(1);
          return count < 0
              ? null
              : Collections.unmodifiableSet(readAll(in, count, item, new LinkedHashSet<>()));
        });
  }

  private static WireValue<Object> map(WireValue<Object> key, WireValue<Object> value) {
    return new Way<>(
        null,
        (out, map) -> {
          if (map == null) {
            out.writeInt(-1);
            return;
          }
          out.writeInt(((Map<?, ?>) map).size());
          ((Map<?, ?>) map)
              .forEach(
                  (k, v) -> {
                    key.write(out, k);
                    value.write(out, v);
                  });
        },
        in -> {
          int count = in.readCount(1);
          if (count < 0) {
            return null;
          }
          Map<Object, Object> map = new LinkedHashMap<>();
          for (int i = 0; i < count; i++) {
            Object k = key.read(in);
            map.put(k, value.read(in));
          }
          return Collections.unmodifiableMap(map);
        });
  }

  private static WireValue<Object> array(Class<?> type, WireValue<Object> item) {
    return new Way<>(
        null,
        (out, array) -> writeAll(out, array == null ? null : Arrays.asList((Object[]) array), item),
        in -> {
          int count = in.readCount(1);
          return count < 0
              ? null
              : readAll(in, count, item, new ArrayList<>(count))
                  .toArray((Object[]) Array.newInstance(type, 0));
        });
  }

  private static void writeAll(WireWriter out, Collection<?> all, WireValue<Object> item) {
    if (all == null) {
      out.writeInt(-1);
      return;
    }
    out.writeInt(all.size());
    for (Object value : all) {
      item.write(out, value);
    }
  }

  private static <C extends Collection<Object>> C readAll(
      WireReader in, int count, WireValue<Object> item, C target) {
    for (int i = 0; i < count; i++) {
      target.add(item.read(in));
    }
    return target;
  }

  private static void writeAndClose(WireWriter out, MessageBlock block) {
    try (block) {
      block.writeTo(out);
    }
  }

  private static void writeFlag(WireWriter out, boolean value) {
    out.writeByte(value ? 1 : 0);
  }

  private static boolean readFlag(WireReader in) {
    int value = in.readByte();
    if (value > 1) {
      throw new WireException("a switch is " + value + "; allowed is 0 or 1");
    }
    return value == 1;
  }

  private static void writeDouble(WireWriter out, double value) {
    out.writeLong(Double.doubleToRawLongBits(value));
  }

  private static double readDouble(WireReader in) {
    return Double.longBitsToDouble(in.readLong());
  }

  private static void writeInts(WireWriter out, int[] values) {
    out.writeInt(values == null ? -1 : values.length);
    for (int i = 0; values != null && i < values.length; i++) {
      out.writeInt(values[i]);
    }
  }

  private static int[] readInts(WireReader in) {
    int count = in.readCount(Integer.BYTES);
    int[] values = count < 0 ? null : new int[count];
    for (int i = 0; i < count; i++) {
      values[i] = in.readInt();
    }
    return values;
  }

  private static void writeLongs(WireWriter out, long[] values) {
    out.writeInt(values == null ? -1 : values.length);
    for (int i = 0; values != null && i < values.length; i++) {
      out.writeLong(values[i]);
    }
  }

  private static long[] readLongs(WireReader in) {
    int count = in.readCount(Long.BYTES);
    long[] values = count < 0 ? null : new long[count];
    for (int i = 0; i < count; i++) {
      values[i] = in.readLong();
    }
    return values;
  }

  private <T> void primitive(
      Class<T> type, T missing, BiConsumer<WireWriter, T> write, Function<WireReader, T> read) {
    simple.put(type, new Way<>(missing, write, read));
  }

  private <T> void plain(
      Class<T> type, BiConsumer<WireWriter, T> write, Function<WireReader, T> read) {
    simple.put(type, new Way<>(null, write, read));
  }

  private <T> void nullable(
      Class<T> type, BiConsumer<WireWriter, T> write, Function<WireReader, T> read) {
    plain(
        type,
        (out, value) -> {
          writeFlag(out, value != null);
          if (value != null) {
            write.accept(out, value);
          }
        },
        in -> readFlag(in) ? read.apply(in) : null);
  }

  /** A way out of two functions. */
  private record Way<T>(T missing, BiConsumer<WireWriter, T> out, Function<WireReader, T> in)
      implements WireValue<T> {

    @Override
    public void write(WireWriter writer, T value) {
      out.accept(writer, value);
    }

    @Override
    public T read(WireReader reader) {
      return in.apply(reader);
    }
  }
}
