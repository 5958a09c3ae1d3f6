package io.sluice.remoting;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Load on one connection to a Broker with frames that are encoded once and only patched: it costs
 * the client next to nothing, so that what is measured is the Broker. One thread, blocking.
 *
 * <p>Sends go out in bursts of a window and the next burst follows when all are answered; pulls are
 * one in flight for each queue, as the official client does it.
 */
final class RawLoad implements Closeable {

  private static final int RESPONSE_BYTES = 1 << 20;
  private static final int ID_DIGITS = 32;

  /** Nine digits, so that a number can be patched without moving anything. */
  private static final int FIRST_OPAQUE = 100_000_000;

  private final SocketChannel channel;
  private ByteBuffer in = ByteBuffer.allocate(RESPONSE_BYTES).limit(0);
  private long nextId = System.nanoTime();

  /** Dials {@code host:port}. */
  RawLoad(String address) throws IOException {
    int colon = address.lastIndexOf(':');
    channel =
        SocketChannel.open(
            new InetSocketAddress(
                address.substring(0, colon), Integer.parseInt(address.substring(colon + 1))));
    channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
  }

  /**
   * Sends single messages until the time or the number is reached.
   *
   * @param window how many are in flight
   * @return how many were acked
   */
  long send(String topic, int queueId, int bodyBytes, int window, long forNs, long most)
      throws IOException {
    byte[] frame = sendFrame(topic, queueId, false, properties(), new byte[bodyBytes]);
    return burst(frame, window, 1, forNs, most);
  }

  /** As {@link #send}, in batches of so many messages, until the time or the number is reached. */
  long sendBatches(
      String topic, int queueId, int bodyBytes, int size, int window, long forNs, long most)
      throws IOException {
    byte[] properties = properties();
    ByteBuffer body = ByteBuffer.allocate(size * (22 + bodyBytes + properties.length));
    for (int i = 0; i < size; i++) {
      body.putInt(22 + bodyBytes + properties.length).putInt(0).putInt(0).putInt(0);
      body.putInt(bodyBytes).put(new byte[bodyBytes]);
      body.putShort((short) properties.length).put(properties);
    }
    byte[] frame = sendFrame(topic, queueId, true, properties, body.array());
    return burst(frame, window, size, forNs, most);
  }

  /** Pulls the first queues of a topic from their beginning until nothing is found; how many. */
  long drain(String topic, String group, int queues) throws IOException {
    long[] offsets = new long[queues];
    int running = queues;
    for (int queue = 0; queue < queues; queue++) {
      pull(topic, group, queue, 0);
    }
    long pulled = 0;
    while (running > 0) {
      Answer answer = read();
      int queue = answer.opaque - FIRST_OPAQUE;
      if (answer.code == ResponseCode.SUCCESS) {
        pulled += answer.nextOffset - offsets[queue];
        offsets[queue] = answer.nextOffset;
        pull(topic, group, queue, answer.nextOffset);
      } else if (answer.code == ResponseCode.PULL_OFFSET_MOVED) {
        offsets[queue] = answer.nextOffset;
        pull(topic, group, queue, answer.nextOffset);
      } else {
        running--;
      }
    }
    return pulled;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  private record Answer(int code, int opaque, long nextOffset) {}

  private long burst(byte[] frame, int window, int size, long forNs, long most) throws IOException {
    ByteBuffer all = ByteBuffer.allocateDirect(frame.length * window);
    int[] ids = placesOf(frame);
    long acked = 0;
    long startNs = System.nanoTime();
    while (System.nanoTime() - startNs < forNs && acked < most) {
      all.clear();
      for (int i = 0; i < window; i++) {
        for (int place : ids) {
          patchId(frame, place);
        }
        all.put(frame);
      }
      all.flip();
      while (all.hasRemaining()) {
        channel.write(all);
      }
      for (int i = 0; i < window; i++) {
        Answer answer = read();
        if (answer.code != ResponseCode.SUCCESS) {
          throw new IOException("a send was answered with code " + answer.code);
        }
        acked += size;
      }
    }
    return acked;
  }

  private static byte[] properties() {
    return ("UNIQ_KEY\u0001" + "#".repeat(ID_DIGITS) + "\u0002WAIT\u0001true")
        .getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] sendFrame(
      String topic, int queueId, boolean batch, byte[] properties, byte[] body) {
    ExtFields fields =
        new ExtFields()
            .put("a", "raw-producer")
            .put("b", topic)
            .put("c", "TBW102")
            .put("d", 4)
            .put("e", queueId)
            .put("f", 0)
            .put("g", System.currentTimeMillis())
            .put("h", 0)
            .put("i", batch ? "" : new String(properties, StandardCharsets.US_ASCII))
            .put("j", 0)
            .put("k", false)
            .put("m", batch);
    int code = batch ? RequestCode.SEND_BATCH_MESSAGE : RequestCode.SEND_MESSAGE_V2;
    return frame(code, FIRST_OPAQUE, fields, body);
  }

  private void pull(String topic, String group, int queue, long offset) throws IOException {
    ExtFields fields =
        new ExtFields(14)
            .put("consumerGroup", group)
            .put("topic", topic)
            .put("queueId", queue)
            .put("queueOffset", offset)
            .put("maxMsgNums", 32)
            // The subscription comes with the request.
            .put("sysFlag", 4)
            .put("commitOffset", 0)
            .put("suspendTimeoutMillis", 0)
            .put("subscription", "*")
            .put("subVersion", 0)
            .put("expressionType", "TAG");
    byte[] frame = frame(RequestCode.PULL_MESSAGE, FIRST_OPAQUE + queue, fields, new byte[0]);
    ByteBuffer out = ByteBuffer.wrap(frame);
    while (out.hasRemaining()) {
      channel.write(out);
    }
  }

  private static byte[] frame(int code, int opaque, ExtFields fields, byte[] body) {
    JsonWriter header = new JsonWriter();
    HeaderCodec.writeJson(header, code, opaque, 0, null, fields);
    ByteBuffer frame = ByteBuffer.allocate(8 + header.size() + body.length);
    frame.putInt(4 + header.size() + body.length).putInt(header.size());
    frame.put(header.bytes(), 0, header.size()).put(body);
    return frame.array();
  }

  /** Where ids stand in a frame. */
  private static int[] placesOf(byte[] frame) {
    int[] places = new int[frame.length / ID_DIGITS];
    int count = 0;
    for (int at = 0; at + ID_DIGITS <= frame.length; at++) {
      if (frame[at] == '#' && frame[at + ID_DIGITS - 1] == '#') {
        places[count++] = at;
        at += ID_DIGITS - 1;
      }
    }
    return Arrays.copyOf(places, count);
  }

  private void patchId(byte[] frame, int place) {
    long id = nextId++;
    for (int i = 0; i < ID_DIGITS; i++) {
      frame[place + i] = (byte) "0123456789ABCDEF".charAt((int) (id >>> (i & 15) * 4) & 15);
    }
  }

  private Answer read() throws IOException {
    fill(4);
    int frameBytes = in.getInt(in.position()) + 4;
    fill(frameBytes);
    int headerBytes = in.getInt(in.position() + 4) & 0xffffff;
    byte[] header = new byte[headerBytes];
    in.get(in.position() + 8, header);
    in.position(in.position() + frameBytes);
    Command command = HeaderCodec.read(HeaderCodec.TYPE_JSON, header, 0, headerBytes);
    return new Answer(command.code, command.opaque, command.fields().number("nextBeginOffset", -1));
  }

  private void fill(int bytes) throws IOException {
    if (in.remaining() >= bytes) {
      return;
    }
    if (bytes > in.capacity()) {
      in = ByteBuffer.allocate(bytes * 2).put(in).flip();
    }
    in.compact();
    while (in.position() < bytes) {
      if (channel.read(in) < 0) {
        throw new IOException("the Broker closed the connection");
      }
    }
    in.flip();
  }

  /** Address, topic and seconds: sends and drains, to look at one Broker by hand. */
  public static void main(String[] arguments) throws Exception {
    Map<String, String> flags = new TreeMap<>();
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      flags.put(parts[0], parts[1]);
    }
    long forNs = Long.parseLong(flags.getOrDefault("seconds", "2")) * 1_000_000_000L;
    long most = Long.parseLong(flags.getOrDefault("most", String.valueOf(Long.MAX_VALUE)));
    String topic = flags.getOrDefault("topic", "raw");
    ProcessHandle broker = ProcessHandle.of(Long.parseLong(flags.get("pid"))).orElseThrow();
    try (RawLoad load = new RawLoad(flags.get("broker"))) {
      for (String job : flags.getOrDefault("jobs", "send,batch,drain").split(",")) {
        long cpuNs = broker.info().totalCpuDuration().orElseThrow().toNanos();
        long startNs = System.nanoTime();
        long done =
            switch (job) {
              case "send" -> load.send(topic, 0, 128, 256, forNs, most);
              case "batch" -> load.sendBatches(topic, 0, 128, 32, 8, forNs, most);
              case "fill" -> load.sendBatches(topic, 0, 128, 320, 8, Long.MAX_VALUE, most);
              default -> load.drain(topic, "raw-group" + System.nanoTime(), 1);
            };
        double seconds = (System.nanoTime() - startNs) / 1e9;
        long usedNs = broker.info().totalCpuDuration().orElseThrow().toNanos() - cpuNs;
        System.out.printf(
            "%-6s %,10d messages %,10.0f/s %6.2f us%n",
            job, done, done / seconds, usedNs / 1e3 / Math.max(1, done));
      }
    }
  }
}
