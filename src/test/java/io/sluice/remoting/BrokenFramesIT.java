package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.net.NetClient;
import io.vertx.core.net.NetSocket;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/**
 * Frames with errors against a whole Sluice: whatever comes, only the connection it came on may
 * suffer. {@code -Dbroken.frames=1000000} for the long form, which counts the frames with errors
 * that were read; {@code -Dbroken.seed} repeats a run.
 */
@DisabledIfSystemProperty(named = "rocketmq.nameserver", matches = ".+")
@DisabledIfSystemProperty(named = "target", matches = "rocketmq")
class BrokenFramesIT {

  private static final int FRAMES = Integer.getInteger("broken.frames", 5_000);
  private static final int FRAMES_PER_CONNECTION = 25;

  /** Names that the requests' headers have, of sends, pulls, pops and administration alike. */
  private static final String[] FIELDS = {
    "topic",
    "group",
    "consumerGroup",
    "producerGroup",
    "groupName",
    "clientID",
    "clientId",
    "queueId",
    "queueOffset",
    "offset",
    "maxMsgNums",
    "maxNum",
    "key",
    "timestamp",
    "isForce",
    "brokerName",
    "cluster",
    "namespace",
    "value",
    "extraInfo",
    "invisibleTime",
    "pollTime",
    "bornTime",
    "initMode",
    "order",
    "srcGroup",
    "destGroup",
    "statsName",
    "statsKey",
    "index",
    "count",
    "recallHandle",
    "commitLogOffset",
    "tranStateTableOffset",
    "commitOrRollback",
    "msgId"
  };

  private static final String[] VALUES = {
    "fuzz",
    "G",
    "0",
    "1",
    "-1",
    "32",
    "9223372036854775807",
    "-9223372036854775808",
    "true",
    "",
    "0 1700000000000 60000 0 0 broker-a 0 0",
    "TOPIC_PUT_NUMS",
    "fuzz@G",
    "%RETRY%G",
    "\u0001\u0002"
  };

  private static final int[] CODES = harmlessCodes();

  private static final IntFunction<byte[]> HEARTBEAT =
      opaque ->
          RawClient.json(
              RequestCode.HEART_BEAT,
              opaque,
              0,
              null,
              bytes("{\"clientID\":\"healthy\",\"producerDataSet\":[{\"groupName\":\"H\"}]}"));

  private static final IntFunction<byte[]> CLUSTER =
      opaque -> RawClient.json(RequestCode.GET_BROKER_CLUSTER_INFO, opaque, 0, null, new byte[0]);

  @Test
  void shouldCloseNothingButTheConnectionOfABrokenFrame() throws Exception {
    long seed = Long.getLong("broken.seed", System.nanoTime());
    try (InteropTarget target = new InteropTarget();
        RocketMqClients clients = new RocketMqClients(target.nameServer())) {
      DefaultMQProducer producer = clients.producer("broken-frames");
      producer.send(RocketMqClients.message("fuzz", "A", "first"));
      Random random = new Random(seed);
      int nameServerPort = Integer.parseInt(target.nameServer().split(":")[1]);
      int closed = 0;
      try (RawClient broker = new RawClient(target.front().port());
          RawClient names = new RawClient(nameServerPort)) {
        for (int sent = 0; sent < FRAMES; ) {
          int port = random.nextInt(4) == 0 ? nameServerPort : target.front().port();
          Batch batch = Batch.of(random);
          exchange(target.vertx(), port, batch, "seed " + seed + ", after " + sent);
          sent += batch.mutated();
          closed += batch.end() == End.REFUSED ? 1 : 0;
          assertHealthy(broker, HEARTBEAT, sent);
          assertHealthy(names, CLUSTER, sent);
        }
      }
      assertTrue(closed > 0, "no frame was refused, seed " + seed);
      for (int i = 0; i < 100; i++) {
        assertEquals(
            SendStatus.SEND_OK,
            producer.send(RocketMqClients.message("fuzz", "A", "m" + i)).getSendStatus(),
            "seed " + seed);
      }
    }
  }

  /** On a connection that has been open all the while. */
  private static void assertHealthy(RawClient client, IntFunction<byte[]> request, int opaque)
      throws Exception {
    Command answer = client.call(request.apply(opaque));
    assertEquals(opaque, answer.opaque);
    assertEquals(ResponseCode.SUCCESS, answer.code, answer.remark);
  }

  @Test
  void shouldHoldNoMoreThanItsBoundsForAClientThatDoesNotRead() throws Exception {
    try (InteropTarget target = new InteropTarget();
        RocketMqClients clients = new RocketMqClients(target.nameServer())) {
      DefaultMQProducer producer = clients.producer("slow-reader");
      byte[] large = new byte[200_000];
      new Random(1).nextBytes(large);
      for (int i = 0; i < 5; i++) {
        producer.send(new org.apache.rocketmq.common.message.Message("large", large));
      }
      // Two thousand pulls of 200 KB each, and nobody reads the answers.
      try (RawClient client = new RawClient(target.front().port())) {
        for (int i = 0; i < 2_000; i++) {
          client.write(pull("large", i));
        }
        assertEquals(
            SendStatus.SEND_OK,
            producer.send(RocketMqClients.message("large", "A", "m")).getSendStatus());
        for (int i = 0; i < 2_000; i++) {
          assertTrue(client.read().opaque < 2_000);
        }
      }
    }
  }

  /**
   * Writes, reads whatever comes, and ends when the server closes. It has to do that by itself if a
   * frame can not be read; otherwise all that has been written is the end.
   */
  private static void exchange(Vertx vertx, int port, Batch batch, String where) throws Exception {
    NetClient client = vertx.createNetClient();
    CountDownLatch closed = new CountDownLatch(1);
    NetSocket socket = InteropTarget.await(client.connect(port, "127.0.0.1"));
    socket.handler(answer -> {}).closeHandler(nothing -> closed.countDown());
    socket.exceptionHandler(reset -> {});
    Future<Void> written = socket.write(batch.frames());
    if (batch.end() != End.REFUSED) {
      written.onComplete(done -> socket.end());
    }
    assertTrue(closed.await(10, TimeUnit.SECONDS), () -> "stays open, " + where + ", " + batch);
    InteropTarget.await(client.close());
  }

  /** How the frames of a connection end. */
  private enum End {
    ALL_READ,
    NOT_WHOLE,
    REFUSED
  }

  /**
   * Frames for one connection. All with an error but for every fourth; the first one that can not
   * be read is the last, so that none is counted that is not read.
   */
  private record Batch(Buffer frames, int mutated, End end) {

    static Batch of(Random random) {
      Buffer frames = Buffer.buffer();
      int mutated = 0;
      End end = End.ALL_READ;
      for (int i = 0; i < FRAMES_PER_CONNECTION && end == End.ALL_READ; i++) {
        byte[] frame = valid(random);
        if (random.nextInt(4) > 0) {
          mutate(frame, random);
          mutated++;
        }
        frames.appendBytes(frame);
        end = end(frame);
      }
      return new Batch(frames, mutated, end);
    }

    private static void mutate(byte[] frame, Random random) {
      int errors = 1 + random.nextInt(3);
      for (int i = 0; i < errors; i++) {
        // Most errors hit the header and body; one in the length words ends the connection.
        int from = random.nextInt(10) == 0 ? 0 : 8;
        frame[from + random.nextInt(frame.length - from)] ^= (byte) (1 << random.nextInt(8));
      }
    }

    private static End end(byte[] frame) {
      try {
        new FrameDecoder(new RemotingOptions().getMaxFrameBytes())
            .feed(frame.clone(), 0, frame.length, command -> {});
      } catch (MalformedFrameException refused) {
        return End.REFUSED;
      }
      // What is left over belongs to a frame that never ends.
      int claimed = ByteBuffer.wrap(frame).getInt() + 4;
      return claimed == frame.length ? End.ALL_READ : End.NOT_WHOLE;
    }
  }

  private static byte[] valid(Random random) {
    int opaque = random.nextInt();
    List<byte[]> frames = new ArrayList<>();
    frames.add(pull("fuzz", opaque));
    frames.add(
        RawClient.json(RequestCode.SEND_MESSAGE_V2, opaque, 0, sendFields("fuzz"), bytes("hello")));
    frames.add(
        RawClient.binary(
            RequestCode.SEND_MESSAGE_V2, opaque, 0, sendFields("fuzz"), bytes("hello")));
    frames.add(
        RawClient.json(
            RequestCode.SEND_BATCH_MESSAGE,
            opaque,
            0,
            sendFields("fuzz"),
            java.util.HexFormat.of()
                .parseHex(
                    "00000022000000000000000000000000000000026231000a54414753015461674102"
                        + "000000180000000000000000000000000000000262320000")));
    frames.add(
        RawClient.json(
            RequestCode.HEART_BEAT,
            opaque,
            0,
            null,
            bytes(
                "{\"clientID\":\"c\",\"consumerDataSet\":[{\"consumeType\":\"CONSUME_PASSIVELY\","
                    + "\"groupName\":\"G\",\"messageModel\":\"CLUSTERING\",\"subscriptionDataSet\":["
                    + "{\"subString\":\"*\",\"subVersion\":1,\"topic\":\"fuzz\"}]}],"
                    + "\"producerDataSet\":[{\"groupName\":\"P\"}]}")));
    frames.add(
        RawClient.json(
            RequestCode.LOCK_BATCH_MQ,
            opaque,
            0,
            null,
            bytes(
                "{\"clientId\":\"c\",\"consumerGroup\":\"G\",\"mqSet\":[{\"brokerName\":\"broker-a\","
                    + "\"queueId\":0,\"topic\":\"fuzz\"}]}")));
    frames.add(
        RawClient.json(
            RequestCode.GET_ROUTE_BY_TOPIC,
            opaque,
            0,
            new ExtFields().put("topic", "fuzz"),
            new byte[0]));
    frames.add(
        RawClient.binary(
            RequestCode.UPDATE_CONSUMER_OFFSET,
            opaque,
            Command.FLAG_ONEWAY,
            new ExtFields()
                .put("consumerGroup", "G")
                .put("topic", "fuzz")
                .put("queueId", 0)
                .put("commitOffset", 1),
            new byte[0]));
    frames.add(anyRequest(random, opaque));
    return frames.get(random.nextInt(frames.size()));
  }

  /** A request of any code there is but those that would keep the last sends from succeeding. */
  private static byte[] anyRequest(Random random, int opaque) {
    int code = CODES[random.nextInt(CODES.length)];
    ExtFields fields = new ExtFields();
    for (String name : FIELDS) {
      if (random.nextInt(8) > 0) {
        fields.put(name, VALUES[random.nextInt(VALUES.length)]);
      }
    }
    byte[] body =
        switch (random.nextInt(4)) {
          case 0 -> new byte[0];
          case 1 -> bytes("{\"topic\":\"fuzz\",\"consumerGroup\":\"G\",\"clientId\":\"c\"}");
          case 2 -> bytes("k=v\nflushDiskType=ASYNC_FLUSH\n");
          default -> bytes("{\"acks\":[{\"c\":\"G\",\"t\":\"fuzz\",\"b\":\"BQ==\"}],\"x\":[[{}]]}");
        };
    return RawClient.json(code, opaque, 0, fields, body);
  }

  private static int[] harmlessCodes() {
    Set<Integer> harmful =
        Set.of(
            RequestCode.UPDATE_AND_CREATE_TOPIC,
            RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
            RequestCode.DELETE_TOPIC_IN_BROKER,
            RequestCode.WIPE_WRITE_PERMISSION);
    List<Integer> codes = new ArrayList<>();
    for (Field field : RequestCode.class.getDeclaredFields()) {
      if (field.getType() == int.class) {
        try {
          codes.add(field.getInt(null));
        } catch (IllegalAccessException e) {
          throw new IllegalStateException(e);
        }
      }
    }
    codes.removeAll(harmful);
    return codes.stream().mapToInt(Integer::intValue).toArray();
  }

  private static byte[] pull(String topic, int opaque) {
    return RawClient.json(
        RequestCode.PULL_MESSAGE,
        opaque,
        0,
        new ExtFields()
            .put("consumerGroup", "G")
            .put("topic", topic)
            .put("queueId", 0)
            .put("queueOffset", 0)
            .put("maxMsgNums", 32)
            .put("sysFlag", 4)
            .put("commitOffset", 0)
            .put("suspendTimeoutMillis", 0)
            .put("subscription", "*")
            .put("subVersion", 1),
        new byte[0]);
  }

  private static ExtFields sendFields(String topic) {
    return new ExtFields()
        .put("a", "PG")
        .put("b", topic)
        .put("c", "TBW102")
        .put("d", 4)
        .put("e", 0)
        .put("f", 0)
        .put("g", 1_700_000_000_000L)
        .put("h", 0)
        .put("i", "TAGS\u0001TagA\u0002");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
