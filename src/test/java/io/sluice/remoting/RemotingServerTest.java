package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.BusCodec;
import io.vertx.core.Vertx;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What holds for every frame, whatever its code. */
class RemotingServerTest {

  private static final byte[] NOTHING = new byte[0];
  private static final int UNKNOWN_CODE = 4711;

  private Vertx vertx;
  private BrokerFrontVerticle front;

  @BeforeEach
  void start() throws Exception {
    vertx = Vertx.vertx();
    BusCodec.register(vertx);
    front =
        new BrokerFrontVerticle(
            new RemotingOptions().setHost("127.0.0.1").setBrokerPort(0).setIdleSeconds(1));
    vertx.deployVerticle(front).toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() throws Exception {
    vertx.close().toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  @Test
  void shouldAnswerAnUnknownCodeWith3AndKeepTheConnection() throws Exception {
    try (RawClient client = new RawClient(front.port())) {
      for (int opaque : new int[] {1, -2, Integer.MAX_VALUE}) {
        Command answer = client.call(RawClient.json(UNKNOWN_CODE, opaque, 0, null, NOTHING));
        assertEquals(ResponseCode.NOT_SUPPORTED, answer.code);
        assertEquals(opaque, answer.opaque);
        assertEquals(Command.FLAG_RESPONSE, answer.flag);
        assertEquals(HeaderCodec.VERSION, answer.version);
        assertTrue(answer.remark.contains("4711"), answer.remark);
      }
    }
  }

  @Test
  void shouldAnswerInTheHeaderTypeOfTheRequest() throws Exception {
    try (RawClient client = new RawClient(front.port())) {
      Command answer = client.call(RawClient.binary(UNKNOWN_CODE, 5, 0, null, NOTHING));
      assertEquals(Command.HeaderType.BINARY, answer.type);
      assertEquals(ResponseCode.NOT_SUPPORTED, answer.code);
      assertEquals(5, answer.opaque);
      answer = client.call(RawClient.json(UNKNOWN_CODE, 6, 0, null, NOTHING));
      assertEquals(Command.HeaderType.JSON, answer.type);
    }
  }

  @Test
  void shouldNeverAnswerAOnewayRequest() throws Exception {
    try (RawClient client = new RawClient(front.port())) {
      client.write(RawClient.json(UNKNOWN_CODE, 1, Command.FLAG_ONEWAY, null, NOTHING));
      Command answer = client.call(RawClient.json(UNKNOWN_CODE, 2, 0, null, NOTHING));
      assertEquals(2, answer.opaque);
    }
  }

  @Test
  void shouldCloseOnlyTheConnectionOfABrokenFrame() throws Exception {
    try (RawClient good = new RawClient(front.port());
        RawClient bad = new RawClient(front.port())) {
      bad.write("GET / HTTP/1.1\r\n\r\n".getBytes());
      assertTrue(bad.isClosedByServer());
      assertEquals(
          ResponseCode.NOT_SUPPORTED,
          good.call(RawClient.json(UNKNOWN_CODE, 1, 0, null, NOTHING)).code);
    }
  }

  @Test
  void shouldCloseAnIdleConnection() throws Exception {
    try (RawClient client = new RawClient(front.port())) {
      assertTrue(client.isClosedByServer());
    }
  }
}
