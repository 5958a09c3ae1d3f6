package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * With which code a Broker refuses. Most of it the official client does not even send, so the
 * frames are made here; a connection stays open over a refusal.
 */
class RocketMqRefusalsIT {

  private static final String TOPIC = "refusals" + Long.toString(System.nanoTime(), 36);
  private static final byte[] BODY = {1};

  private static InteropTarget target;
  private static RocketMqClients clients;
  private static DefaultMQAdminExt admin;
  private static RawClient broker;

  @BeforeAll
  static void start() throws Exception {
    target = new InteropTarget(Map.of("autoCreateTopicEnable", "false"));
    clients = new RocketMqClients(target.nameServer());
    admin = new DefaultMQAdminExt(20_000);
    admin.setNamesrvAddr(target.nameServer());
    admin.setInstanceName("refusals-it");
    admin.start();
    admin.createAndUpdateTopicConfig(target.brokerAddress(), new TopicConfig(TOPIC, 1, 1));
    broker = new RawClient(target.brokerPort());
    assertEquals(0, send(TOPIC, "", BODY).code);
  }

  @AfterAll
  static void stop() throws Exception {
    broker.close();
    admin.shutdown();
    clients.close();
    target.close();
  }

  @Test
  void shouldRefuseABodyThatIsTooLarge() throws Exception {
    assertEquals(0, send(TOPIC, "", new byte[4 << 20]).code);
    assertRefused(13, send(TOPIC, "", new byte[(4 << 20) + 1]));
  }

  @Test
  void shouldRefusePropertiesThatAreTooLong() throws Exception {
    assertEquals(0, send(TOPIC, property(32_000), BODY).code);
    assertRefused(13, send(TOPIC, property(32_768), BODY));
  }

  @Test
  void shouldRefuseATopicOfTheSystem() throws Exception {
    assertRefused(16, send("SCHEDULE_TOPIC_XXXX", "", BODY));
    assertRefused(16, send("RMQ_SYS_TRANS_HALF_TOPIC", "", BODY));
  }

  @Test
  void shouldRefuseANameThatIsNotAllowed() throws Exception {
    assertRefused(29, send("not/allowed", "", BODY));
    assertRefused(29, send("x".repeat(128), "", BODY));
  }

  @Test
  void shouldRefuseATopicThatIsNotThereWhereNoneAreMade() throws Exception {
    assertRefused(17, send(TOPIC + "-none", "", BODY));
  }

  @Test
  void shouldRefusePullsOfAGroupThatIsSwitchedOff() throws Exception {
    String group = TOPIC + "-group";
    consumption(group, true);
    assertEquals(0, pull(group).code);
    consumption(group, false);
    assertRefused(16, pull(group));
    consumption(group, true);
    assertEquals(0, pull(group).code);
  }

  @Test
  void shouldRefuseSendsToATopicThatMayNotBeWritten() throws Exception {
    assumeTrue(target.isSluice(), "RocketMQ leaves this to its clients, who look at the route");
    String topic = TOPIC + "-read-only";
    admin.createAndUpdateTopicConfig(target.brokerAddress(), new TopicConfig(topic, 1, 1, 4));
    assertRefused(16, send(topic, "", BODY));
  }

  @Test
  void shouldRefusePullsOfATopicThatMayNotBeRead() throws Exception {
    String topic = TOPIC + "-hidden";
    admin.createAndUpdateTopicConfig(target.brokerAddress(), new TopicConfig(topic, 1, 1, 2));
    consumption(TOPIC + "-reader", true);
    assertRefused(16, pull(TOPIC + "-reader", topic));
  }

  private static void assertRefused(int code, Command answer) {
    assertEquals(code, answer.code, answer.remark);
    assertFalse(answer.remark.isEmpty());
  }

  private static void consumption(String group, boolean enabled) throws Exception {
    SubscriptionGroupConfig config = new SubscriptionGroupConfig();
    config.setGroupName(group);
    config.setConsumeEnable(enabled);
    admin.createAndUpdateSubscriptionGroupConfig(target.brokerAddress(), config);
  }

  private static Command send(String topic, String properties, byte[] body) throws Exception {
    ExtFields fields =
        new ExtFields()
            .put("a", "refused")
            .put("b", topic)
            .put("c", "TBW102")
            .put("d", 4)
            .put("e", 0)
            .put("f", 0)
            .put("g", System.currentTimeMillis())
            .put("h", 0)
            .put("i", properties)
            .put("j", 0)
            .put("k", "false")
            .put("m", "false");
    return broker.call(RawClient.json(RequestCode.SEND_MESSAGE_V2, 1, 0, fields, body));
  }

  private static Command pull(String group) throws Exception {
    return pull(group, TOPIC);
  }

  private static Command pull(String group, String topic) throws Exception {
    ExtFields fields =
        new ExtFields()
            .put("consumerGroup", group)
            .put("topic", topic)
            .put("queueId", 0)
            .put("queueOffset", 0)
            .put("maxMsgNums", 1)
            .put("sysFlag", 4)
            .put("commitOffset", 0)
            .put("suspendTimeoutMillis", 0)
            .put("subscription", "*")
            .put("subVersion", 1)
            .put("expressionType", "TAG");
    return broker.call(RawClient.json(RequestCode.PULL_MESSAGE, 2, 0, fields, new byte[0]));
  }

  /** Properties of so many bytes. */
  private static String property(int bytes) {
    String frame = "k\u0001\u0002";
    int rest = bytes - frame.getBytes(StandardCharsets.UTF_8).length;
    return "k\u0001" + "v".repeat(rest) + "\u0002";
  }
}
