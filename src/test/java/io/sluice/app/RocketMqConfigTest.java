package io.sluice.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.testkit.RealRocketMq;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.rocketmq.common.BrokerConfig;
import org.apache.rocketmq.common.namesrv.NamesrvConfig;
import org.apache.rocketmq.remoting.netty.NettyServerConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** RocketMQ's configuration files, given as they are. */
class RocketMqConfigTest {

  @TempDir Path directory;

  @Test
  void shouldTakeTheBrokerConfThatShipsWithRocketMqAsItIs() throws IOException {
    Configuration read =
        load(
            "broker.conf",
            """
            # Licensed to the Apache Software Foundation
            brokerClusterName = DefaultCluster
            brokerName = broker-a
            brokerId = 0
            deleteWhen = 04
            fileReservedTime = 48
            brokerRole = ASYNC_MASTER
            flushDiskType = ASYNC_FLUSH
            """);
    assertEquals("broker-a", read.text(ConfigTable.BROKER_NAME));
    assertEquals(48 * 3_600_000L, read.number(ConfigTable.STORE_RETENTION));
    assertEquals("memory", read.text(ConfigTable.ACK));
    List<String> notes = notes(read);
    assertEquals(2, notes.size(), notes.toString());
    assertTrue(notes.get(0).contains("broker.conf:5: deleteWhen has no meaning here: segments"));
    assertTrue(
        notes.get(1).contains("broker.conf:7: brokerRole=ASYNC_MASTER: slaves can come where"),
        notes.get(1));
    assertEquals(-1, read.integer(ConfigTable.REPLICATION_PORT));
  }

  @Test
  void shouldTranslateEachKeyThatHasACounterpart() throws IOException {
    Configuration read =
        load(
            "broker.conf",
            """
            brokerIP1=10.1.2.3
            listenPort=20911
            brokerClusterName=C
            storePathRootDir=/var/lib/store
            autoCreateTopicEnable=false
            defaultTopicQueueNums=16
            maxMessageSize=65536
            flushDiskType=SYNC_FLUSH
            flushIntervalCommitLog=250
            mappedFileSizeCommitLog=1073741824
            messageDelayLevel=1s 5s 1m
            timerMaxDelaySec=3600
            bindAddress=127.0.0.1
            slaveReadEnable=true
            slaveTimeout=2500
            haMaxTimeSlaveNotCatchup=15000
            haListenPort=20999
            brokerRole=ASYNC_MASTER
            inSyncReplicas=3
            """);
    assertEquals("10.1.2.3", read.text(ConfigTable.ADVERTISED_HOST));
    assertEquals(20_911, read.integer(ConfigTable.BROKER_PORT));
    assertEquals("C", read.text(ConfigTable.CLUSTER_NAME));
    assertEquals("/var/lib/store", read.text(ConfigTable.DATA));
    assertEquals(false, read.isOn(ConfigTable.TOPICS_AUTO_CREATE));
    assertEquals(16, read.integer(ConfigTable.TOPICS_QUEUES));
    assertEquals(65_536, read.integer(ConfigTable.MESSAGE_MAX_SIZE));
    assertEquals("disk", read.text(ConfigTable.ACK));
    assertEquals(250, read.number(ConfigTable.STORE_FLUSH_INTERVAL));
    assertEquals(1L << 30, read.number(ConfigTable.STORE_SEGMENT));
    assertEquals(
        List.of(1_000L, 5_000L, 60_000L), read.durationsMs(ConfigTable.MESSAGE_DELAY_LEVELS));
    assertEquals(3_600_000, read.number(ConfigTable.MESSAGE_MAX_DELAY));
    assertEquals("127.0.0.1", read.text(ConfigTable.HOST));
    assertEquals(true, read.isOn(ConfigTable.BROKER_SLAVE_READS));
    assertEquals(2_500, read.number(ConfigTable.REPLICATION_ACK_TIMEOUT));
    assertEquals(15_000, read.number(ConfigTable.REPLICATION_IN_SYNC_TIMEOUT));
    assertEquals(20_999, read.integer(ConfigTable.REPLICATION_PORT));
    assertEquals(2, read.integer(ConfigTable.REPLICATION_MIN_IN_SYNC));
    assertEquals(List.of(), notes(read));
    assertEquals(
        List.of(60_000L),
        new SluiceOptions(read).brokerOptions("a:1", new byte[8]).getRetryDelaysMs());
  }

  @Test
  void shouldRefuseTransactionsWhereRocketMqWould() throws IOException {
    Configuration off = load("broker.conf", "rejectTransactionMessage=true\n");
    assertEquals(false, off.isOn(ConfigTable.TRANSACTIONS_ENABLED));
    assertEquals(false, new SluiceOptions(off).transactions().isEnabled());
    Configuration on = load("broker.conf", "rejectTransactionMessage=false\n");
    assertEquals(true, new SluiceOptions(on).transactions().isEnabled());
    assertThrows(ConfigException.class, () -> load("broker.conf", "rejectTransactionMessage=no\n"));
  }

  @Test
  void shouldSayWhyASwitchOfRocketMqIsNotOneHere() throws IOException {
    Map<String, String> reasons =
        Map.of(
            "autoCreateSubscriptionGroup", "a group is always made by its first use",
            "recallMessageEnable", "any delayed message can be recalled",
            "longPollingEnable", "wait as long as the client asks",
            "rejectPullConsumerEnable", "pulls of every kind of client are served",
            "traceOn", "always told that they may trace",
            "traceTopicEnable", "RMQ_SYS_TRACE_TOPIC",
            "enableBroadcastOffsetStore", "each of its clients keeps its own",
            "storeReplyMessageEnable", "never stored");
    for (Map.Entry<String, String> each : reasons.entrySet()) {
      List<String> notes = notes(load("broker.conf", each.getKey() + "=true\n"));
      assertEquals(1, notes.size());
      assertTrue(notes.get(0).contains(each.getValue()), notes.get(0));
    }
    assertTrue(
        RocketMqKeys.reasons().values().stream().noneMatch(reason -> reason.contains("or not")),
        "a reason for each");
  }

  @Test
  void shouldTellTheNameServersPortFromTheBrokers() throws IOException {
    Configuration read =
        ConfigSources.load(
            null,
            List.of(
                file("namesrv.conf", "listenPort=19876\nkvConfigPath=/tmp/kv.json\n"),
                file("broker.conf", "listenPort=20911\nnamesrvAddr=10.0.0.1:19876\n")),
            Map.of(),
            Map.of());
    assertEquals(19_876, read.integer(ConfigTable.NAMESERVER_PORT));
    assertEquals(20_911, read.integer(ConfigTable.BROKER_PORT));
    assertEquals("10.0.0.1:19876", read.text(ConfigTable.BROKER_NAMESERVERS));
  }

  @Test
  void shouldPassOverAnUnknownKeyWithTheNearestRightOne() throws IOException {
    Configuration read = load("broker.conf", "brokerNmae=x\n");
    assertTrue(read.notes().get(0).warning());
    assertTrue(notes(read).get(0).endsWith("did you mean 'brokerName'?"), notes(read).get(0));
  }

  @Test
  void shouldRefuseWhatWouldLoseMessagesOrProtection() {
    ConfigException refused =
        assertThrows(
            ConfigException.class,
            () ->
                load(
                    "broker.conf",
                    "brokerId=1\nbrokerRole=SYNC_MASTER\naclEnable=true\nfileReservedTime=soon\n"));
    assertEquals(3, refused.mistakes().size(), refused.getMessage());
    assertTrue(
        refused.mistakes().get(1).contains("broker.conf:4: fileReservedTime: found 'soonh'"));
    assertTrue(
        refused.mistakes().get(2).contains("broker.conf:1: brokerId: found '1' beside brokerRole="),
        refused.getMessage());
  }

  /** The file of conf/2m-2s-sync that ships with RocketMQ, and what 4.x understands by it. */
  @Test
  void shouldWaitForASlaveWhereTheMasterIsSaidToBeSynchronous() throws IOException {
    Configuration read =
        load("broker-a.properties", "brokerRole=SYNC_MASTER\nflushDiskType=ASYNC_FLUSH\n");
    assertEquals("replicated", read.text(ConfigTable.ACK));
    assertEquals(1, read.integer(ConfigTable.REPLICATION_MIN_IN_SYNC));
    assertEquals(10_912, read.integer(ConfigTable.REPLICATION_PORT));
    assertEquals(1, notes(read).size(), notes(read).toString());
    assertTrue(notes(read).get(0).contains("when 1 or more slaves in sync have it"));
    assertEquals(
        20_912,
        load("broker.conf", "brokerRole=SYNC_MASTER\nlistenPort=20911\nhaListenPort=0\n")
            .integer(ConfigTable.REPLICATION_PORT));
  }

  /** RocketMQ counts the master, we do not. */
  @Test
  void shouldCountSlavesWhereRocketMqCountsReplicas() throws IOException {
    assertEquals(2, slaves("inSyncReplicas=3\n"));
    assertEquals(2, slaves("inSyncReplicas=2\nminInSyncReplicas=3\n"));
    assertEquals(
        1, slaves("inSyncReplicas=3\nminInSyncReplicas=2\nenableAutoInSyncReplicas=true\n"));
    Configuration one =
        load("broker.conf", "brokerRole=SYNC_MASTER\ninSyncReplicas=1\nflushDiskType=SYNC_FLUSH\n");
    assertEquals("disk", one.text(ConfigTable.ACK));
    assertTrue(notes(one).get(0).contains("no send waits for a slave"), notes(one).toString());
    ConfigException refused =
        assertThrows(ConfigException.class, () -> slaves("inSyncReplicas=18\n"));
    assertTrue(refused.getMessage().contains("found '18', allowed is 1 to 17"));
  }

  private int slaves(String keys) throws IOException {
    Configuration read = load("broker.conf", "brokerRole=SYNC_MASTER\n" + keys);
    assertEquals("replicated", read.text(ConfigTable.ACK));
    return read.integer(ConfigTable.REPLICATION_MIN_IN_SYNC);
  }

  @Test
  void shouldMakeASlaveOfWhatNamesItsMaster() throws IOException {
    Configuration read =
        load(
            "broker-a-s.properties",
            "brokerRole=SLAVE\nbrokerId=2\nhaMasterAddress=10.0.0.1:10912\n");
    ReplicationConfig replication = new ReplicationConfig(read);
    assertTrue(replication.follows());
    assertEquals("10.0.0.1:10912", replication.from());
    assertEquals(2, replication.brokerId());
    assertEquals(List.of(), notes(read));
  }

  @Test
  void shouldRefuseASlaveThatNobodyToldItsMaster() throws IOException {
    Path slave = file("broker-a-s.properties", "brokerId=1\nbrokerRole=SLAVE\n");
    ConfigException refused =
        assertThrows(
            ConfigException.class, () -> ConfigSources.load(slave, List.of(), Map.of(), Map.of()));
    assertEquals(1, refused.mistakes().size(), refused.getMessage());
    assertTrue(refused.getMessage().contains(":2: brokerRole: found 'SLAVE', but nobody says"));
    for (ConfigKey told :
        List.of(
            ConfigTable.REPLICATION_FROM,
            ConfigTable.REPLICATION_FROM_ROCKETMQ,
            ConfigTable.CONTROLLER_MEMBERS)) {
      Configuration read =
          ConfigSources.load(slave, List.of(), Map.of(), Map.of(told, "10.0.0.1:10912"));
      assertEquals(1, read.integer(ConfigTable.BROKER_ID));
    }
    assertTrue(
        assertThrows(ConfigException.class, () -> load("b.conf", "brokerRole=SLAVE\nbrokerId=0\n"))
            .getMessage()
            .contains("a slave has 1 or more"));
  }

  @Test
  void shouldRefuseBrokersThatElectWhereNobodyDoes() throws IOException {
    Path file = file("broker.conf", "enableControllerMode=true\nbrokerId=-1\n");
    ConfigException refused =
        assertThrows(
            ConfigException.class, () -> ConfigSources.load(file, List.of(), Map.of(), Map.of()));
    assertTrue(refused.getMessage().contains("name them in controller.members"));
    Map<ConfigKey, String> flags = Map.of(ConfigTable.CONTROLLER_MEMBERS, "10.0.0.1:9878");
    assertEquals(List.of(), notes(ConfigSources.load(file, List.of(), Map.of(), flags)));
    assertEquals(List.of(), notes(load("b.conf", "enableControllerMode=false\n")));
  }

  /** A key is in one place: it has a meaning, or a reason why not. */
  @Test
  void shouldGiveNoReasonForWhatHasAMeaning() throws IOException {
    Configuration read =
        load(
            "broker.conf",
            """
            brokerId=0
            haListenPort=10912
            haMasterAddress=10.0.0.1:10912
            inSyncReplicas=1
            minInSyncReplicas=1
            enableAutoInSyncReplicas=false
            enableControllerMode=false
            enableDLegerCommitLog=false
            slaveTimeout=3000
            """);
    assertEquals(1, notes(read).size(), notes(read).toString());
    assertTrue(notes(read).get(0).contains("this Broker is no slave"), notes(read).toString());
    assertTrue(RocketMqRole.KEYS.stream().noneMatch(RocketMqKeys.reasons()::containsKey));
  }

  @Test
  void shouldPreferFlagsAndEnvironment() throws IOException {
    Configuration read =
        ConfigSources.load(
            null,
            List.of(file("broker.conf", "brokerIP1=10.1.2.3\nbrokerName=fromFile\n")),
            Map.of("SLUICE_BROKER_NAME", "fromEnvironment"),
            Map.of(ConfigTable.ADVERTISED_HOST, "192.168.0.7"));
    assertEquals("192.168.0.7", read.text(ConfigTable.ADVERTISED_HOST));
    assertEquals("fromEnvironment", read.text(ConfigTable.BROKER_NAME));
  }

  @Test
  void shouldKnowEveryKeyOfRocketMq() {
    Set<String> known = RocketMqConfig.knownKeys();
    List<String> missing = new ArrayList<>();
    for (Class<?> type :
        List.of(BrokerConfig.class, NamesrvConfig.class, NettyServerConfig.class)) {
      for (Class<?> part = type; part != Object.class; part = part.getSuperclass()) {
        for (Field field : part.getDeclaredFields()) {
          if (!Modifier.isStatic(field.getModifiers()) && !known.contains(field.getName())) {
            missing.add(field.getName());
          }
        }
      }
    }
    assertEquals(List.of(), missing);
  }

  /** Those of the store and of access control are in jars that only the profile fetches. */
  @Test
  void shouldKnowEveryKeyOfTheRealBrokersOtherParts() throws Exception {
    assumeTrue(RealRocketMq.isThere(), "run scripts/fetch-rocketmq first");
    List<URL> jars = new ArrayList<>();
    try (Stream<Path> files = Files.list(Path.of("target", "rocketmq-5.5.0"))) {
      for (Path jar : files.toList()) {
        jars.add(jar.toUri().toURL());
      }
    }
    Set<String> known = RocketMqConfig.knownKeys();
    Set<String> missing = new TreeSet<>();
    try (URLClassLoader loader =
        new URLClassLoader(jars.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      for (String name :
          List.of(
              "store.config.MessageStoreConfig",
              "auth.config.AuthConfig",
              "common.BrokerConfig",
              "common.ControllerConfig",
              "common.namesrv.NamesrvConfig",
              "remoting.netty.NettyServerConfig",
              "remoting.netty.NettyClientConfig")) {
        Class<?> part = loader.loadClass("org.apache.rocketmq." + name);
        for (; part != Object.class; part = part.getSuperclass()) {
          for (Method method : part.getMethods()) {
            String key = keyOf(method);
            if (key != null && !known.contains(key)) {
              missing.add(part.getSimpleName() + "." + key);
            }
          }
        }
      }
    }
    assertEquals(Set.of(), missing);
  }

  /** RocketMQ sets what has a setter (MixAll.properties2Object). */
  private static String keyOf(Method method) {
    String name = method.getName();
    boolean sets = name.startsWith("set") && name.length() > 3 && method.getParameterCount() == 1;
    return sets && !Modifier.isStatic(method.getModifiers())
        ? name.substring(3, 4).toLowerCase(Locale.ROOT) + name.substring(4)
        : null;
  }

  @Test
  void shouldTakeTheFlagsThatRocketMqUsersKnow() throws IOException {
    Path file = file("broker.conf", "brokerName=x\n");
    ServerFlags flags =
        ServerFlags.tryRead(
                new String[] {"-c", file.toString(), "--rocketmq-config=b", "--advertise", "h"})
            .orElseThrow();
    assertEquals(List.of(file, Path.of("b")), flags.rocketMqFiles());
    assertEquals("h", flags.values().get(ConfigTable.ADVERTISED_HOST));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(out);
    assertEquals(
        ExitCode.OK, ServerHelp.explain("broker", new String[] {"--help"}, stream, stream));
    assertTrue(out.toString().contains("--advertise, --advertised-host"), out.toString());
    assertTrue(out.toString().contains("-c, --rocketmq-config"), out.toString());
  }

  @Test
  void shouldReadWhereClientsDial() {
    assertEquals(new HostAndPort("h", 0), parse("h"));
    assertEquals(new HostAndPort("h", 20911), parse("h:20911"));
    assertEquals(new HostAndPort("::1", 0), parse("::1"));
    assertEquals(new HostAndPort("::1", 2), parse("[::1]:2"));
    assertThrows(IllegalArgumentException.class, () -> parse("h:x"));
    assertThrows(IllegalArgumentException.class, () -> parse(":1"));
  }

  private static HostAndPort parse(String text) {
    return HostAndPort.parse(ConfigTable.BROKER_ADVERTISE, text);
  }

  private Configuration load(String name, String text) throws IOException {
    return ConfigSources.load(file(name, text), Map.of(), Map.of());
  }

  private static List<String> notes(Configuration configuration) {
    return configuration.notes().stream().map(Configuration.Note::text).toList();
  }

  private Path file(String name, String text) throws IOException {
    return Files.writeString(directory.resolve(name), text);
  }
}
