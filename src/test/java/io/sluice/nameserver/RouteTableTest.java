package io.sluice.nameserver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.Register;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.bus.NameServerRequest.Unregister;
import io.sluice.bus.TopicConfig;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class RouteTableTest {

  private final RouteTable table = new RouteTable("n1");

  @Test
  void shouldRouteATopicToEveryBrokerThatHasIt() {
    table.register(master("a", "h1:1", 1, "orders", "bills"), 10);
    table.register(master("b", "h2:1", 1, "orders"), 10);

    assertEquals(List.of("a", "b"), brokerNames("orders"));
    assertEquals(List.of("a"), brokerNames("bills"));
    assertEquals(List.of(), brokerNames("none"));
    assertEquals(List.of("bills", "orders"), table.cluster().topics());
  }

  @Test
  void shouldTakeTopicsFromTheMasterWhereThereIsOneAndNameItsSlaves() {
    Register slave = new Register("c", "a", 1, "h2:1", 1, List.of(TopicConfig.of("old", 4)));
    table.register(slave, 10);
    assertEquals(List.of("a"), brokerNames("old"));

    table.register(master("a", "h1:1", 1, "orders"), 11);
    table.register(slave, 12);
    assertEquals(List.of(), brokerNames("old"));
    assertEquals(
        List.of("h1:1", "h2:1"),
        table.route("orders").brokers().stream().map(BrokerNode::address).toList());
  }

  @Test
  void shouldIgnoreAnOlderDataVersionButNotOneFromANewAddress() {
    table.register(master("a", "h1:1", 5, "orders"), 10);
    assertFalse(table.register(master("a", "h1:1", 4, "stale"), 11));
    assertEquals(List.of("orders"), table.cluster().topics());

    assertTrue(table.register(master("a", "h1:2", 1, "fresh"), 12));
    assertEquals(List.of("fresh"), table.cluster().topics());
  }

  @Test
  void shouldNotTakeAMasterBackWhosePlaceANewerOneHasTaken() {
    table.register(elected("h1:1", 4), 10);
    assertTrue(table.register(elected("h2:1", 5), 11));
    assertFalse(table.register(elected("h1:1", 4), 12));
    assertEquals(
        List.of("h2:1"),
        table.route("orders").brokers().stream().map(BrokerNode::address).toList());
    assertFalse(table.unregister(new Unregister("c", "a", 0, "h1:1")));
    table.register(elected("h1:1", 6), 13);
    assertEquals(6, table.cluster().brokers().get(0).epoch());
    assertEquals(List.of(2L), table.cluster().brokers().get(0).inSync());
  }

  /** A Broker may tell its own NameServer by RocketMQ's protocol too, which says less. */
  @Test
  void shouldKeepWhatABrokerOfItsBusSaidThatSaysLessByRocketMqsProtocol() {
    table.register(elected("h2:1", 5), 10);
    Register said = elected("h2:1", 0);
    table.register(
        new Register("c", "a", 0, "h2:1", said.dataVersion(), said.topics(), 4, List.of(), true),
        11);
    BrokerNode master = table.cluster().brokers().get(0);
    assertFalse(master.foreign());
    assertEquals(List.of(2L), master.inSync());
    assertEquals(5, master.epoch());
    assertEquals(11, master.lastSeenMs());
    assertFalse(table.register(elected("h1:1", 4), 12));
  }

  @Test
  void shouldTellMastersApartWhicheverWayTheyCame() {
    table.register(elected("h1:1", 1), 10);
    assertTrue(table.register(overRemoting("h2:1", 2), 11));
    assertFalse(table.register(elected("h1:1", 1), 12));
    assertEquals(
        List.of("h2:1"), table.cluster().brokers().stream().map(BrokerNode::address).toList());
    assertFalse(table.register(overRemoting("h3:1", 0), 13));
    assertTrue(table.register(elected("h1:1", 3), 14));
  }

  /** Without controllers RocketMQ's Brokers say 0: the last one counts, as ever. */
  @Test
  void shouldLetTheLastMasterCountWhereNoEpochsAreKnown() {
    table.register(overRemoting("h1:1", 0), 10);
    assertTrue(table.register(overRemoting("h2:1", 0), 11));
    assertTrue(table.register(overRemoting("h1:1", 0), 12));
  }

  private static Register overRemoting(String address, long epoch) {
    List<TopicConfig> topics = List.of(TopicConfig.of("orders", 4));
    return new Register("c", "a", 0, address, 1, topics, epoch, List.of(), true);
  }

  private static Register elected(String address, long epoch) {
    return new Register(
        "c", "a", 0, address, 1, List.of(TopicConfig.of("orders", 4)), epoch, List.of(2L));
  }

  @Test
  void shouldDropTopicsThatTheMasterNoLongerHas() {
    table.register(master("a", "h1:1", 1, "orders", "bills"), 10);
    table.register(master("a", "h1:1", 2, "bills"), 11);
    assertEquals(List.of(), brokerNames("orders"));
  }

  @Test
  void shouldKeepTheRouteWhileASlaveLives() {
    table.register(master("a", "h1:1", 1, "orders"), 10);
    table.register(new Register("c", "a", 1, "h2:1", 1, List.of()), 10);

    assertTrue(table.unregister(new Unregister("c", "a", 0, "h1:1")));
    assertEquals(List.of("a"), brokerNames("orders"));
    assertTrue(table.unregister(new Unregister("c", "a", 1, "h2:1")));
    assertEquals(List.of(), brokerNames("orders"));
    assertEquals(List.of(), table.cluster().topics());
  }

  @Test
  void shouldNotUnregisterABrokerThatMoved() {
    table.register(master("a", "h1:1", 1, "orders"), 10);
    table.register(master("a", "h1:2", 1, "orders"), 11);
    assertFalse(table.unregister(new Unregister("c", "a", 0, "h1:1")));
    assertEquals(List.of("a"), brokerNames("orders"));
  }

  @Test
  void shouldForgetOnlyWhoHasBeenSilent() {
    table.register(master("a", "h1:1", 1, "orders"), 1_000);
    table.register(master("b", "h2:1", 1, "orders"), 1_500);

    assertEquals(List.of(), table.expire(1_000));
    assertEquals(List.of("a"), table.expire(1_001).stream().map(BrokerNode::brokerName).toList());
    assertEquals(List.of("b"), brokerNames("orders"));
  }

  private List<String> brokerNames(String topic) {
    return table.route(topic).topics().stream().map(TopicRoute::brokerName).toList();
  }

  @Test
  void shouldAddWhatABrokerOfRocketMqNamesAndKeepWhatItDoesNot() {
    RouteTable table = new RouteTable("n");
    table.register(foreign(1, "one", "two"), 0);
    table.register(foreign(2, "three"), 10);
    assertEquals(List.of("one", "three", "two"), table.cluster().topics());
    assertTrue(table.route("one").brokers().get(0).foreign());
    assertFalse(table.unregister(new Unregister("c", "r", 0, "elsewhere:1", true)));
    assertTrue(table.unregister(new Unregister("c", "r", 0, "h:1", true)));
    assertEquals(List.of(), table.cluster().topics());
  }

  private static Register foreign(long version, String... topics) {
    return new Register(
        "c",
        "r",
        0,
        "h:1",
        version,
        Arrays.stream(topics).map(topic -> TopicConfig.of(topic, 4)).toList(),
        0,
        List.of(),
        true);
  }

  private static Register master(String name, String address, long dataVersion, String... topics) {
    return new Register(
        "c",
        name,
        0,
        address,
        dataVersion,
        List.of(topics).stream().map(topic -> TopicConfig.of(topic, 4)).toList());
  }
}
