package io.sluice.remoting;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The two forms of a frame's header.
 *
 * <p>Source: Apache RocketMQ 5.5.0, RemotingSerializable and RocketMQSerializable. Pure functions.
 */
final class HeaderCodec {

  /**
   * The version in every frame of ours: 5.5.0. From 232 on clients allow themselves SQL filters.
   */
  static final int VERSION = 513;

  /** The type byte of a JSON header. */
  static final int TYPE_JSON = 0;

  /** The type byte of a binary header. */
  static final int TYPE_BINARY = 1;

  private static final String[] LANGUAGES = {
    "JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP",
    "OMS", "RUST", "NODE_JS"
  };

  private HeaderCodec() {}

  /**
   * Reads a header.
   *
   * @throws MalformedFrameException if it is none
   */
  static Command read(int type, byte[] bytes, int from, int to) {
    return switch (type) {
      case TYPE_JSON -> readJson(bytes, from, to);
      case TYPE_BINARY -> readBinary(ByteBuffer.wrap(bytes, from, to - from));
      default ->
          throw new MalformedFrameException(
              "the header's type is " + type + "; known are 0 (JSON) and 1 (binary)");
    };
  }

  private static Command readJson(byte[] bytes, int from, int to) {
    Command command = new Command(Command.HeaderType.JSON);
    JsonReader reader = new JsonReader(bytes, from, to);
    reader.expect('{');
    boolean hasCode = false;
    while (!reader.accept('}')) {
      String name = reader.readName();
      reader.expect(':');
      switch (name) {
        case "code" -> {
          command.code = number(name, reader.readScalarText());
          hasCode = true;
        }
        case "flag" -> command.flag = number(name, reader.readScalarText());
        case "opaque" -> command.opaque = number(name, reader.readScalarText());
        case "version" -> command.version = number(name, reader.readScalarText());
        case "language" -> command.language = reader.readScalarText();
        case "remark" -> command.remark = reader.readScalarText();
        case "extFields" -> command.fields = readFields(reader);
        default -> reader.readScalarText();
      }
      if (!reader.accept(',')) {
        reader.expect('}');
        break;
      }
    }
    reader.expectEnd();
    if (!hasCode) {
      throw new MalformedFrameException("the header has no code");
    }
    return command;
  }

  private static ExtFields readFields(JsonReader reader) {
    if (!reader.accept('{')) {
      String text = reader.readScalarText();
      if (text != null) {
        throw new MalformedFrameException("extFields is no object");
      }
      return null;
    }
    ExtFields fields = new ExtFields(16);
    while (!reader.accept('}')) {
      String name = reader.readName();
      reader.expect(':');
      fields.put(name, reader.readScalarText());
      if (!reader.accept(',')) {
        reader.expect('}');
        break;
      }
    }
    return fields;
  }

  private static int number(String name, String text) {
    try {
      // Some clients count the opaque beyond 32 bits; what they compare with is cut the same way.
      return (int) Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new MalformedFrameException("the header's " + name + " is no whole number");
    }
  }

  private static Command readBinary(ByteBuffer in) {
    // short code, byte language, short version, int opaque, int flag, int remark length
    if (in.remaining() < 21) {
      throw new MalformedFrameException(
          "the binary header has " + in.remaining() + " bytes; the smallest has 21");
    }
    Command command = new Command(Command.HeaderType.BINARY);
    command.code = in.getShort() & 0xffff;
    int language = in.get();
    command.language = language >= 0 && language < LANGUAGES.length ? LANGUAGES[language] : "OTHER";
    command.version = in.getShort();
    command.opaque = in.getInt();
    command.flag = in.getInt();
    command.remark = text(in, intLength(in, "remark"));
    int fieldsBytes = intLength(in, "fields");
    if (fieldsBytes != in.remaining()) {
      throw new MalformedFrameException(
          "the binary header's fields take "
              + fieldsBytes
              + " bytes, but "
              + in.remaining()
              + " follow");
    }
    if (fieldsBytes > 0) {
      command.fields = readBinaryFields(in);
    }
    return command;
  }

  private static ExtFields readBinaryFields(ByteBuffer in) {
    ExtFields fields = new ExtFields(16);
    while (in.hasRemaining()) {
      if (in.remaining() < 2) {
        throw cutShort("name");
      }
      int nameBytes = in.getShort() & 0xffff;
      if (nameBytes > in.remaining()) {
        throw cutShort("name");
      }
      String name = text(in, nameBytes);
      String value = text(in, intLength(in, "value"));
      fields.put(name == null ? "" : name, value == null ? "" : value);
    }
    return fields;
  }

  private static int intLength(ByteBuffer in, String what) {
    if (in.remaining() < 4) {
      throw cutShort(what);
    }
    int length = in.getInt();
    if (length < 0 || length > in.remaining()) {
      throw new MalformedFrameException(
          "the binary header's "
              + what
              + " has the length "
              + length
              + ", but "
              + in.remaining()
              + " bytes follow");
    }
    return length;
  }

  private static MalformedFrameException cutShort(String what) {
    return new MalformedFrameException("the binary header ends within a " + what);
  }

  private static String text(ByteBuffer in, int length) {
    if (length == 0) {
      return null;
    }
    String text =
        new String(in.array(), in.arrayOffset() + in.position(), length, StandardCharsets.UTF_8);
    in.position(in.position() + length);
    return text;
  }

  /** Writes a header in JSON. */
  static void writeJson(
      JsonWriter out, int code, int opaque, int flag, String remark, ExtFields fields) {
    out.open('{').field("code", code);
    if (fields != null) {
      out.name("extFields").open('{');
      for (int i = 0; i < fields.count(); i++) {
        out.field(fields.name(i), fields.value(i));
      }
      out.close('}');
    }
    out.field("flag", flag).field("language", "JAVA").field("opaque", opaque);
    if (remark != null) {
      out.field("remark", remark);
    }
    out.field("serializeTypeCurrentRPC", "JSON").field("version", VERSION).close('}');
  }

  /** Writes a header in the binary form. */
  static byte[] binary(int code, int opaque, int flag, String remark, ExtFields fields) {
    byte[] remarkBytes = utf8(remark);
    int count = fields == null ? 0 : fields.count();
    byte[][] names = new byte[count][];
    byte[][] values = new byte[count][];
    int fieldsBytes = 0;
    for (int i = 0; i < count; i++) {
      names[i] = utf8(fields.name(i));
      values[i] = utf8(fields.value(i));
      fieldsBytes += 2 + names[i].length + 4 + values[i].length;
    }
    ByteBuffer out = ByteBuffer.allocate(21 + remarkBytes.length + fieldsBytes);
    out.putShort((short) code).put((byte) 0).putShort((short) VERSION).putInt(opaque).putInt(flag);
    out.putInt(remarkBytes.length).put(remarkBytes).putInt(fieldsBytes);
    for (int i = 0; i < count; i++) {
      out.putShort((short) names[i].length).put(names[i]);
      out.putInt(values[i].length).put(values[i]);
    }
    return out.array();
  }

  private static byte[] utf8(String text) {
    return text == null ? new byte[0] : text.getBytes(StandardCharsets.UTF_8);
  }
}
