package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.testkit.Await;
import io.sluice.testkit.TestClient;
import io.sluice.testkit.TestServer;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.apache.rocketmq.remoting.protocol.body.HARuntimeInfo;
import org.apache.rocketmq.remoting.protocol.body.HARuntimeInfo.HAConnectionRuntimeInfo;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What RocketMQ's tools see of a master and its slave; read by RocketMQ's own classes. */
class RocketMqHaStatusIT {

  private static final String TOPIC = "ha-status";

  @TempDir Path directory;

  private TestServer master;
  private TestServer slave;
  private TestClient client;

  @BeforeEach
  void start() {
    master =
        TestServer.start(
            directory.resolve("m"),
            options -> options.setReplication(options.replication().withPort(0)));
    slave =
        TestServer.start(
            directory.resolve("s"),
            options -> options.setReplication(options.replication().following(portForSlaves())));
    client = new TestClient(master.uri());
    Await.until("a slave in sync", () -> status(master).getInSyncSlaveNums() == 1);
  }

  @AfterEach
  void stop() throws Exception {
    slave.close();
    master.close();
  }

  @Test
  void shouldTellTheSlavesOfAMasterAndHowFarTheyAre() throws Exception {
    send();
    HARuntimeInfo info = status(master);
    assertTrue(info.isMaster());
    assertTrue(info.getMasterCommitLogMaxOffset() > 10_000);
    HAConnectionRuntimeInfo connection = info.getHaConnectionInfo().get(0);
    assertEquals(1, info.getHaConnectionInfo().size());
    assertEquals(address(slave), connection.getAddr());
    assertTrue(connection.isInSync());
    // What was acked as replicated is there, and nothing was sent after it.
    assertEquals(info.getMasterCommitLogMaxOffset(), connection.getSlaveAckOffset());
    assertEquals(0, connection.getDiff());
    assertEquals(info.getMasterCommitLogMaxOffset(), connection.getTransferFromWhere());
    awaitRate(master);
    String printed = haStatus(master);
    for (String part : List.of("#SlaveNum\t1", "#InSyncSlaveNum\t1", address(slave), "OK")) {
      assertTrue(printed.contains(part), printed);
    }
    slave.close();
    Await.until("no slave", () -> haStatus(master).contains("#SlaveNum\t0"));
    assertEquals(0, status(master).getInSyncSlaveNums());
  }

  @Test
  void shouldTellWhomASlaveFollowsAndThatItIsOne() throws Exception {
    send();
    HARuntimeInfo info = status(slave);
    assertFalse(info.isMaster());
    assertEquals(List.of(), info.getHaConnectionInfo());
    HARuntimeInfo.HAClientRuntimeInfo followed = info.getHaClientRuntimeInfo();
    assertEquals(portForSlaves(), followed.getMasterAddr());
    assertEquals(status(master).getMasterCommitLogMaxOffset(), followed.getMaxOffset());
    assertTrue(followed.getLastReadTimestamp() > 0);
    assertTrue(followed.getLastWriteTimestamp() > 0);
    awaitRate(slave);
    String printed = haStatus(slave);
    assertTrue(printed.contains("#MasterAddr\t" + portForSlaves()), printed);
    assertTrue(configuration(slave).contains("brokerId=1\n"), configuration(slave));
    assertTrue(configuration(slave).contains("brokerRole=SLAVE\n"), configuration(slave));
    assertTrue(configuration(master).contains("brokerRole=ASYNC_MASTER\n"));
  }

  private void send() throws Exception {
    client.put("/v1/topics/" + TOPIC, new JsonObject().put("queues", 1)).expect(201);
    client.send(TOPIC, "x".repeat(10_000), "Sluice-Ack", "replicated").expect(201);
  }

  /** The last whole second counts: so until then something has to come. */
  private void awaitRate(TestServer server) {
    Await.until(
        "bytes per second",
        () -> {
          client.send(TOPIC, "x".repeat(10_000)).expect(201);
          HARuntimeInfo info = status(server);
          return info.isMaster()
              ? info.getHaConnectionInfo().get(0).getTransferredByteInSecond() > 0
              : info.getHaClientRuntimeInfo().getTransferredByteInSecond() > 0;
        });
  }

  private String portForSlaves() {
    return "127.0.0.1:" + master.sluice().replicationPort();
  }

  private static String address(TestServer server) {
    return "127.0.0.1:" + server.sluice().brokerPort();
  }

  private static HARuntimeInfo status(TestServer server) throws Exception {
    return HARuntimeInfo.fromJson(
        ask(server, RequestCode.GET_BROKER_HA_STATUS), HARuntimeInfo.class);
  }

  private static String configuration(TestServer server) throws Exception {
    return ask(server, RequestCode.GET_BROKER_CONFIG);
  }

  private static String ask(TestServer server, int code) throws Exception {
    try (RawClient raw = new RawClient(server.sluice().brokerPort())) {
      Command answer = raw.call(RawClient.json(code, 1, 0, new ExtFields(), new byte[0]));
      assertEquals(0, answer.code, answer.remark);
      return StandardCharsets.UTF_8.decode(answer.body()).toString();
    }
  }

  private static String haStatus(TestServer server) throws Exception {
    return MqadminIT.runAt(
        "127.0.0.1:" + server.sluice().nameServerPort(), "haStatus", "-b", address(server));
  }
}
