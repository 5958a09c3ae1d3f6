package io.sluice.replication;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What master and slave say to each other. All integers are big-endian.
 *
 * <pre>
 *   frame: length 4 (of what follows), type 1, then
 *   1 HELLO     slave to master, first: magic 4 (0x534C5250), version 4, cluster, broker name and
 *               address as texts, broker id 8, segment bytes 4, log's begin 8 and end 8, epochs
 *   2 WELCOME   the answer: action 1 (0 follow, 1 cut, 2 restart, 3 refused), place 8, snapshot
 *               follows 1, master's address and the text of a refusal as texts, epochs
 *   3 DATA      master to slave: epoch 8, physical offset 8, confirmed 8, log's begin 8, flags 1
 *               (1 the slave is in sync, 2 answer), log's end 8, then bytes of the log
 *   4 ACK       slave to master: received 8, forced 8
 *   5 SNAPSHOT  master to slave, behind a WELCOME that says so: bytes of the file; none: its end
 *   text: length 2, UTF-8; epochs: count 4, then number 8, start 8, id 8 each
 * </pre>
 *
 * <p>Static.
 */
final class Frames {

  static final int MAGIC = 0x534C5250;
  static final int VERSION = 1;

  static final byte HELLO = 1;
  static final byte WELCOME = 2;
  static final byte DATA = 3;
  static final byte ACK = 4;
  static final byte SNAPSHOT = 5;

  /** Bytes of a DATA frame before those of the log, type included. */
  static final int DATA_HEAD_BYTES = 42;

  static final int IN_SYNC = 1;
  static final int ANSWER = 2;

  private Frames() {}

  /** See {@link Frames}. */
  record Hello(
      int version,
      String cluster,
      String brokerName,
      String address,
      long brokerId,
      int segmentBytes,
      Handshake.Log log) {}

  /** See {@link Frames}. */
  record Welcome(Handshake.Answer answer, boolean snapshot, String address, EpochHistory history) {}

  /** See {@link Frames}. */
  record Data(long epoch, long physicalOffset, long confirmed, long begin, int flags, long end) {}

  /** See {@link Frames}. */
  record Ack(long received, long forced) {}

  static Buffer hello(Hello hello) {
    Buffer out = begin(HELLO).appendInt(MAGIC).appendInt(hello.version());
    text(out, hello.cluster());
    text(out, hello.brokerName());
    text(out, hello.address());
    out.appendLong(hello.brokerId()).appendInt(hello.segmentBytes());
    out.appendLong(hello.log().begin()).appendLong(hello.log().end());
    return end(epochs(out, hello.log().history()));
  }

  /** Null if it is no hello at all. */
  static Hello readHello(ByteBuffer in) {
    if (in.getInt() != MAGIC) {
      return null;
    }
    int version = in.getInt();
    if (version != VERSION) {
      return new Hello(version, "", "", "", 0, 0, null);
    }
    String cluster = text(in);
    String brokerName = text(in);
    String address = text(in);
    long id = in.getLong();
    int segmentBytes = in.getInt();
    long begin = in.getLong();
    long end = in.getLong();
    return new Hello(
        version,
        cluster,
        brokerName,
        address,
        id,
        segmentBytes,
        new Handshake.Log(epochs(in), begin, end));
  }

  static Buffer welcome(Welcome welcome) {
    Buffer out = begin(WELCOME);
    out.appendByte((byte) welcome.answer().action().ordinal());
    out.appendLong(welcome.answer().place());
    out.appendByte((byte) (welcome.snapshot() ? 1 : 0));
    text(out, welcome.address());
    text(out, welcome.answer().text());
    return end(epochs(out, welcome.history()));
  }

  static Welcome readWelcome(ByteBuffer in) {
    Handshake.Action action = Handshake.Action.values()[in.get()];
    long place = in.getLong();
    boolean snapshot = in.get() != 0;
    String address = text(in);
    String text = text(in);
    return new Welcome(new Handshake.Answer(action, place, text), snapshot, address, epochs(in));
  }

  /** A DATA frame over bytes that are not copied. */
  static Buffer data(Data data, ByteBuffer bytes) {
    int count = bytes == null ? 0 : bytes.remaining();
    ByteBuf head = Unpooled.buffer(4 + DATA_HEAD_BYTES);
    head.writeInt(DATA_HEAD_BYTES + count).writeByte(DATA);
    head.writeLong(data.epoch()).writeLong(data.physicalOffset()).writeLong(data.confirmed());
    head.writeLong(data.begin()).writeByte(data.flags()).writeLong(data.end());
    return BufferInternal.buffer(
        count == 0 ? head : Unpooled.wrappedBuffer(head, Unpooled.wrappedBuffer(bytes)));
  }

  static Data readData(ByteBuffer in) {
    return new Data(in.getLong(), in.getLong(), in.getLong(), in.getLong(), in.get(), in.getLong());
  }

  static Buffer ack(long received, long forced) {
    return end(begin(ACK).appendLong(received).appendLong(forced));
  }

  static Ack readAck(ByteBuffer in) {
    return new Ack(in.getLong(), in.getLong());
  }

  static Buffer snapshot(Buffer part) {
    return end(begin(SNAPSHOT).appendBuffer(part));
  }

  private static Buffer begin(byte type) {
    return Buffer.buffer().appendInt(0).appendByte(type);
  }

  private static Buffer end(Buffer out) {
    return out.setInt(0, out.length() - 4);
  }

  private static void text(Buffer out, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    out.appendUnsignedShort(bytes.length).appendBytes(bytes);
  }

  private static String text(ByteBuffer in) {
    byte[] bytes = new byte[in.getShort() & 0xffff];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static Buffer epochs(Buffer out, EpochHistory history) {
    out.appendInt(history.epochs().size());
    for (Epoch epoch : history.epochs()) {
      out.appendLong(epoch.number()).appendLong(epoch.start()).appendLong(epoch.id());
    }
    return out;
  }

  private static EpochHistory epochs(ByteBuffer in) {
    int count = in.getInt();
    List<Epoch> epochs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      epochs.add(new Epoch(in.getLong(), in.getLong(), in.getLong()));
    }
    return new EpochHistory(epochs);
  }
}
