package io.sluice.remoting;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.Addresses;
import io.sluice.bus.BusCodec;
import io.sluice.bus.NameServerRequest;
import io.sluice.bus.TopicConfig;
import io.sluice.nameserver.NameServerOptions;
import io.sluice.nameserver.NameServerVerticle;
import io.sluice.testkit.Await;
import io.sluice.testkit.LogLines;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.remoting.protocol.body.ClusterInfo;
import org.apache.rocketmq.remoting.protocol.body.KVTable;
import org.apache.rocketmq.remoting.protocol.body.TopicList;
import org.apache.rocketmq.remoting.protocol.route.QueueData;
import org.apache.rocketmq.remoting.protocol.route.TopicRouteData;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The NameServer front in front of a real NameServer; bodies are read by RocketMQ's own classes.
 */
class NameServerFrontTest {

  private static final byte[] NOTHING = new byte[0];

  private Vertx vertx;
  private NameServerFrontVerticle front;
  private List<String> deployments;
  private RawClient client;

  @BeforeEach
  void start() throws Exception {
    vertx = Vertx.vertx();
    BusCodec.register(vertx);
    startNameServer(0);
    client = new RawClient(front.port());
  }

  private void startNameServer(int port) throws Exception {
    front =
        new NameServerFrontVerticle(
            new RemotingOptions()
                .setHost("127.0.0.1")
                .setNameServerPort(port)
                .setTemplateQueues(8)
                .setNameServerId("ns"));
    deployments =
        List.of(
            await(
                vertx.deployVerticle(
                    new NameServerVerticle(new NameServerOptions().setId("ns"), Clock.system()))),
            await(vertx.deployVerticle(front)));
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    await(vertx.close());
  }

  @Test
  void shouldAnswerTheRouteOfATopic() throws Exception {
    register("broker-a", 0, "10.0.0.1:10911", TopicConfig.of("T", 4));
    register("broker-a", 1, "10.0.0.2:10911", TopicConfig.of("T", 4));
    TopicRouteData route = route("T");
    QueueData queues = route.getQueueDatas().get(0);
    assertEquals("broker-a", queues.getBrokerName());
    assertEquals(4, queues.getReadQueueNums());
    assertEquals(4, queues.getWriteQueueNums());
    assertEquals(6, queues.getPerm());
    assertEquals(
        Map.of(0L, "10.0.0.1:10911", 1L, "10.0.0.2:10911"),
        route.getBrokerDatas().get(0).getBrokerAddrs());
    assertEquals("C", route.getBrokerDatas().get(0).getCluster());
    assertNull(route.getOrderTopicConf());
    assertNull(route.getTopicQueueMappingByBroker());
  }

  @Test
  void shouldRouteTheTemplateTopicToEveryBroker() throws Exception {
    register("broker-a", 0, "10.0.0.1:10911", TopicConfig.of("T", 4));
    register("broker-b", 0, "10.0.0.3:10911", TopicConfig.of("T", 4));
    TopicRouteData route = route("TBW102");
    assertEquals(2, route.getQueueDatas().size());
    assertEquals(7, route.getQueueDatas().get(0).getPerm());
    assertEquals(8, route.getQueueDatas().get(0).getWriteQueueNums());
  }

  @Test
  void shouldAnswer17ForATopicNobodyHas() throws Exception {
    Command answer = call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", "T");
    assertEquals(ResponseCode.TOPIC_NOT_EXIST, answer.code);
    assertTrue(answer.remark.contains("no Broker is registered"), answer.remark);
    assertEquals(
        ResponseCode.TOPIC_NOT_EXIST, call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", "TBW102").code);
    register("broker-a", 0, "10.0.0.1:10911", TopicConfig.of("T2", 4));
    assertEquals(
        ResponseCode.TOPIC_NOT_EXIST, call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", "T").code);
  }

  /** A client says no more than "No route info", so the server's log has to say why. */
  @Test
  void shouldCountTheTopicsOfTheBrokerThatIsNotToBeWritten() throws Exception {
    register("broker-a", 0, "10.0.0.1:10911", TopicConfig.of("T", 4), TopicConfig.of("U", 4));
    register("broker-b", 0, "10.0.0.2:10911", TopicConfig.of("V", 4));
    ExtFields broker = new ExtFields(1).put("brokerName", "broker-b");
    Command wiped =
        client.call(RawClient.json(RequestCode.WIPE_WRITE_PERMISSION, 1, 0, broker, NOTHING));
    assertEquals("1", wiped.fields().get("wipeTopicCount"));
    Command added =
        client.call(RawClient.json(RequestCode.ADD_WRITE_PERMISSION, 2, 0, broker, NOTHING));
    assertEquals("1", added.fields().get("addTopicCount"));
  }

  @Test
  void shouldLogOnceWhyThereIsNoRoute() throws Exception {
    try (LogLines log = new LogLines(RouteHandler.class)) {
      call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", "T");
      call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", "T");
      assertEquals(1, log.lines().size(), () -> "" + log.lines());
      assertTrue(
          log.lines()
              .get(0)
              .startsWith("WARNING no route for topic T: no Broker has registered with this"),
          () -> "" + log.lines());
      register("broker-a", 0, "10.0.0.1:10911", TopicConfig.of("other", 4));
      call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", "U");
      assertEquals(
          "INFO no route for topic U: none of the 1 Brokers has it (1 topics are known);"
              + " the first send makes it",
          log.lines().get(1));
    }
  }

  @Test
  void shouldLogWhyTheFirstSendMakesNoTopic() throws Exception {
    NameServerFrontVerticle strict =
        new NameServerFrontVerticle(
            new RemotingOptions()
                .setHost("127.0.0.1")
                .setNameServerPort(0)
                .setAutoCreateTopics(false)
                .setNameServerId("ns"));
    await(vertx.deployVerticle(strict));
    register("broker-a", 0, "10.0.0.1:10911", TopicConfig.of("other", 4));
    client.close();
    client = new RawClient(strict.port());
    try (LogLines log = new LogLines(RouteHandler.class)) {
      call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", "T");
      call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", "TBW102");
      assertTrue(
          log.lines().get(0).endsWith("it has to be made, since topics.auto-create is off"),
          () -> "" + log.lines());
      assertTrue(
          log.lines().get(1).contains("which topics.auto-create (autoCreateTopicEnable) does not"),
          () -> "" + log.lines());
    }
  }

  @Test
  void shouldAnswerTheClusterAndItsTopics() throws Exception {
    register("broker-a", 0, "10.0.0.1:10911", TopicConfig.of("T", 4), TopicConfig.of("U", 1));
    ClusterInfo cluster =
        ClusterInfo.decode(bytes(call(RequestCode.GET_BROKER_CLUSTER_INFO)), ClusterInfo.class);
    assertEquals(Map.of("C", Set.of("broker-a")), cluster.getClusterAddrTable());
    assertEquals(
        "10.0.0.1:10911",
        cluster.getBrokerAddrTable().get("broker-a").getBrokerAddrs().get(MixAll.MASTER_ID));
    assertEquals(Set.of("T", "U"), topics(call(RequestCode.GET_ALL_TOPICS)));
    assertEquals(Set.of("T", "U"), topics(call(RequestCode.GET_TOPICS_BY_CLUSTER, "cluster", "C")));
    assertEquals(Set.of(), topics(call(RequestCode.GET_TOPICS_BY_CLUSTER, "cluster", "none")));
  }

  @Test
  void shouldKeepKeysAndValuesAndPutTheOrderIntoTheRoute() throws Exception {
    register("broker-a", 0, "10.0.0.1:10911", TopicConfig.of("T", 4));
    String namespace = KeyValueHandler.ORDER_NAMESPACE;
    assertEquals(
        ResponseCode.QUERY_NOT_FOUND,
        call(RequestCode.GET_KV_CONFIG, "namespace", namespace, "key", "T").code);
    assertEquals(
        0,
        call(RequestCode.PUT_KV_CONFIG, "namespace", namespace, "key", "T", "value", "broker-a:4")
            .code);
    assertEquals(
        "broker-a:4",
        call(RequestCode.GET_KV_CONFIG, "namespace", namespace, "key", "T").fields().get("value"));
    assertEquals(
        Map.of("T", "broker-a:4"),
        KVTable.decode(
                bytes(call(RequestCode.GET_KV_LIST_BY_NAMESPACE, "namespace", namespace)),
                KVTable.class)
            .getTable());
    assertEquals("broker-a:4", route("T").getOrderTopicConf());
    call(RequestCode.DELETE_KV_CONFIG, "namespace", namespace, "key", "T");
    assertNull(route("T").getOrderTopicConf());
    assertEquals(
        ResponseCode.QUERY_NOT_FOUND,
        call(RequestCode.GET_KV_LIST_BY_NAMESPACE, "namespace", namespace).code);
  }

  /** Two processes that are in no cluster with this NameServer, so that all goes by code 103. */
  @Test
  void shouldKeepTheMasterOfTheNewerEpochAndTellTheOtherThatItWasReplaced() throws Exception {
    Vertx old = host();
    Vertx elected = host();
    try (LogLines log = new LogLines(RemoteNameServersVerticle.class)) {
      tell(old, "10.0.0.1:10911", 4);
      Await.until("the first master", () -> "10.0.0.1:10911".equals(masterOf("T")));
      tell(elected, "10.0.0.2:10911", 5);
      Await.until("the elected one", () -> "10.0.0.2:10911".equals(masterOf("T")));
      assertEquals(List.of(), log.lines());
      // As one that wakes from SIGSTOP.
      tell(old, "10.0.0.1:10911", 4);
      Await.until("the refusal in its log", () -> log.lines().size() == 1);
      String line = log.lines().get(0);
      assertTrue(line.contains("can not be told of broker broker-a: it answers 1, "), line);
      assertTrue(line.contains("in epoch 5 at 10.0.0.2:10911: it was replaced"), line);
      assertEquals("10.0.0.2:10911", masterOf("T"));
    } finally {
      await(old.close());
      await(elected.close());
    }
  }

  @Test
  void shouldBeToldAgainWhenItHasBeenStartedAnew() throws Exception {
    Vertx host = host();
    try {
      tell(host, "10.0.0.1:10911", 4);
      Await.until("the master", () -> "10.0.0.1:10911".equals(masterOf("T")));
      int port = front.port();
      for (String deployment : deployments) {
        await(vertx.undeploy(deployment));
      }
      client.close();
      startNameServer(port);
      client = new RawClient(port);
      Await.until("the master again", () -> "10.0.0.1:10911".equals(masterOf("T")));
    } finally {
      await(host.close());
    }
  }

  @Test
  void shouldSendSlavesToTheMasterThatIsNotReplaced() throws Exception {
    assertEquals(0, registerByRemoting(0, "10.0.0.2:10911", 5).code);
    Command refused = registerByRemoting(0, "10.0.0.1:10911", 4);
    assertEquals(ResponseCode.SYSTEM_ERROR, refused.code);
    assertTrue(refused.remark.contains("10.0.0.1:10911 says epoch 4"), refused.remark);
    Command slave = registerByRemoting(1, "10.0.0.3:10911", 4);
    assertEquals("10.0.0.2:10911", slave.fields().get("masterAddr"));
  }

  /** RocketMQ's Brokers without controllers, and Sluice's without slaves. */
  @Test
  void shouldLetTheLastMasterCountWhereTheStateVersionIs0() throws Exception {
    assertEquals(0, registerByRemoting(0, "10.0.0.1:10911", 0).code);
    assertEquals(0, registerByRemoting(0, "10.0.0.2:10911", 0).code);
    assertEquals("10.0.0.2:10911", masterOf("T"));
    assertEquals(0, registerByRemoting(0, "10.0.0.1:10911", 0).code);
    assertEquals("10.0.0.1:10911", masterOf("T"));
  }

  /** A process with a Broker that tells this NameServer by RocketMQ's protocol. */
  private Vertx host() throws Exception {
    Vertx host = Vertx.vertx();
    BusCodec.register(host);
    await(
        host.deployVerticle(
            new RemoteNameServersVerticle(
                List.of("127.0.0.1:" + front.port()), new RemotingOptions(), Clock.system())));
    return host;
  }

  private static void tell(Vertx host, String address, long epoch) {
    host.eventBus()
        .publish(
            Addresses.registrations(),
            new NameServerRequest.Register(
                "C", "broker-a", 0, address, 1, List.of(TopicConfig.of("T", 4)), epoch, List.of()),
            BusCodec.options(1_000).setLocalOnly(true));
  }

  private Command registerByRemoting(long id, String address, long stateVersion)
      throws IOException {
    ExtFields fields =
        new ExtFields(4)
            .put("clusterName", "C")
            .put("brokerName", "broker-a")
            .put("brokerId", id)
            .put("brokerAddr", address);
    byte[] body = RouteJson.registration(List.of(TopicConfig.of("T", 4)), 1, 1, stateVersion);
    return client.call(RawClient.json(RequestCode.REGISTER_BROKER, 1, 0, fields, body));
  }

  /** Null as long as there is no route. */
  private String masterOf(String topic) throws Exception {
    if (call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", topic).code != 0) {
      return null;
    }
    return route(topic).getBrokerDatas().get(0).getBrokerAddrs().get(MixAll.MASTER_ID);
  }

  @Test
  void shouldNameTheHeaderFieldThatIsMissing() throws Exception {
    Command answer = call(RequestCode.GET_ROUTE_BY_TOPIC);
    assertEquals(ResponseCode.INVALID_PARAMETER, answer.code);
    assertTrue(answer.remark.contains("topic"), answer.remark);
  }

  private TopicRouteData route(String topic) throws Exception {
    Command answer = call(RequestCode.GET_ROUTE_BY_TOPIC, "topic", topic);
    assertEquals(0, answer.code, answer.remark);
    return TopicRouteData.decode(bytes(answer), TopicRouteData.class);
  }

  private static Set<String> topics(Command answer) {
    return TopicList.decode(bytes(answer), TopicList.class).getTopicList();
  }

  private static byte[] bytes(Command answer) {
    return StandardCharsets.UTF_8.decode(answer.body()).toString().getBytes(StandardCharsets.UTF_8);
  }

  private Command call(int code, String... fields) throws Exception {
    ExtFields ext = new ExtFields();
    for (int i = 0; i < fields.length; i += 2) {
      ext.put(fields[i], fields[i + 1]);
    }
    return client.call(RawClient.json(code, 1, 0, ext, NOTHING));
  }

  private void register(String name, long id, String address, TopicConfig... topics)
      throws Exception {
    await(
        vertx
            .eventBus()
            .request(
                Addresses.nameServer("ns"),
                new NameServerRequest.Register("C", name, id, address, 1, List.of(topics)),
                BusCodec.options(1_000)));
  }

  private static <T> T await(Future<T> future) throws Exception {
    return future.toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }
}
