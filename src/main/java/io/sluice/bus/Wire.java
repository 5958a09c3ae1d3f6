package io.sluice.bus;

import io.sluice.util.Clock;
import io.sluice.util.WireException;
import io.sluice.util.WireReader;
import io.sluice.util.WireWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * The contract as bytes, for what crosses from one process to another: a version byte, the kind by
 * its name ({@code AdminRequest.PutTopic}), the length of what follows, the fields.
 *
 * <p>Nobody writes fields down a second time: those of a record are found by reflection, once, and
 * {@link WireRecord} says how a record may change; those of the few classes that are no records
 * stand in their {@code writeTo} and {@code readFrom}, one above the other. A test goes through
 * every {@link BusMessage} there is.
 *
 * <p>The version counts changes of this frame; a message that only got one more field keeps it.
 *
 * <p>Safe for any thread.
 */
final class Wire {

  /** Of the frame and of how values are written. */
  static final int VERSION = 1;

  private static final String PACKAGE = Wire.class.getPackageName() + '.';
  private static final Pattern KIND = Pattern.compile("[A-Za-z]{1,60}(\\.[A-Za-z]{1,60})?");

  private final Clock clock;
  private final WireValues values = new WireValues(this);
  private final Map<Class<?>, WireValue<Object>> fields = new ConcurrentHashMap<>();
  private final Map<String, Class<?>> kinds = new ConcurrentHashMap<>();

  /**
   * An encoding.
   *
   * @param clock whose steady time this process uses
   */
  Wire(Clock clock) {
    this.clock = clock;
  }

  /** Writes a message; a block in it is closed. */
  void write(WireWriter out, BusMessage message) {
    out.writeByte(VERSION);
    writeKindAndFields(out, message);
  }

  /**
   * Reads a message.
   *
   * @throws SluiceException NOT_SUPPORTED if version or kind are not known here, MALFORMED_REQUEST
   *     if the bytes are cut off or changed
   */
  BusMessage read(byte[] bytes) {
    WireReader in = new WireReader(bytes);
    try {
      int version = in.readByte();
      if (version != VERSION) {
        throw new SluiceException(
            ErrorCode.NOT_SUPPORTED,
            "another process of the cluster sent a message of wire version "
                + version
                + ", this one knows version "
                + VERSION
                + "; upgrade the older of the two");
      }
      BusMessage message = readKindAndFields(in);
      if (!in.atEnd()) {
        throw new WireException(in.remaining() + " bytes follow after its end");
      }
      return message;
    } catch (WireException e) {
      throw new SluiceException(
          ErrorCode.MALFORMED_REQUEST,
          "a message of another process of the cluster could not be read: " + e.getMessage());
    }
  }

  void writeKindAndFields(WireWriter out, BusMessage message) {
    Class<?> type = kindOf(message);
    byte[] kind = nameOf(type).getBytes(StandardCharsets.US_ASCII);
    out.writeByte(kind.length);
    out.writeRaw(kind, 0, kind.length);
    int start = out.beginLength();
    fieldsOf(type).write(out, message);
    out.endLength(start);
  }

  BusMessage readKindAndFields(WireReader in) {
    String kind = new String(in.readRaw(in.readByte()), StandardCharsets.US_ASCII);
    Class<?> type = kinds.get(kind);
    if (type == null) {
      type = findKind(kind);
      kinds.put(kind, type);
    }
    try {
      int length = in.readLength();
      if (length < 0) {
        throw new WireException("it has no fields");
      }
      int outer = in.enter(length);
      BusMessage message = (BusMessage) fieldsOf(type).read(in);
      in.leave(outer);
      return message;
    } catch (WireException e) {
      throw e.in(kind);
    }
  }

  /** How the fields of a message or record are written, without kind and length. */
  WireValue<Object> fieldsOf(Class<?> type) {
    WireValue<Object> known = fields.get(type);
    if (known == null) {
      known = makeFields(type);
      fields.put(type, known);
    }
    return known;
  }

  private WireValue<Object> makeFields(Class<?> type) {
    if (type.isRecord()) {
      return new WireRecord(type, values, clock);
    }
    WireValue<Object> special = WireSpecial.find(type);
    if (special == null) {
      throw new IllegalStateException(
          nameOf(type)
              + " can not cross to another process: make it a record, or give it writeTo and"
              + " readFrom and a line in WireSpecial");
    }
    return special;
  }

  /** The name of a kind: that of the class, after that of the one it stands in. */
  static String nameOf(Class<?> type) {
    return type.getName().substring(PACKAGE.length()).replace('$', '.');
  }

  private static Class<?> kindOf(BusMessage message) {
    return message instanceof Enum<?> constant ? constant.getDeclaringClass() : message.getClass();
  }

  /** Looks in this package only, and takes messages only: names come from another process. */
  private static Class<?> findKind(String kind) {
    if (KIND.matcher(kind).matches()) {
      try {
        Class<?> type =
            Class.forName(PACKAGE + kind.replace('.', '$'), false, Wire.class.getClassLoader());
        if (BusMessage.class.isAssignableFrom(type) && !type.isInterface()) {
          return type;
        }
      } catch (ClassNotFoundException e) {
        // Said below.
      }
    }
    throw new SluiceException(
        ErrorCode.NOT_SUPPORTED,
        "another process of the cluster sent a message of the kind '"
            + kind.replaceAll("[^A-Za-z.]", "?")
            + "' (wire version "
            + VERSION
            + "), which is not known here; upgrade this process");
  }
}
