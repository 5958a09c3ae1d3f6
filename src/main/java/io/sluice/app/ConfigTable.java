package io.sluice.app;

import static io.sluice.app.ConfigKey.choice;
import static io.sluice.app.ConfigKey.duration;
import static io.sluice.app.ConfigKey.durations;
import static io.sluice.app.ConfigKey.number;
import static io.sluice.app.ConfigKey.onOff;
import static io.sluice.app.ConfigKey.size;
import static io.sluice.app.ConfigKey.text;

import io.sluice.cluster.ClusterOptions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The one table of configuration. Order is that of the documents. */
final class ConfigTable {

  static final ConfigKey DATA =
      text("data", "./data", "Directory of everything that is kept; made if it is missing.");
  static final ConfigKey HOST =
      text("host", "0.0.0.0", "Address that all listeners are opened at; 0.0.0.0 is every one.");
  static final ConfigKey ADVERTISED_HOST =
      text(
          "advertised-host",
          "",
          "Name or address that clients are told to dial, --advertise for short (brokerIP1); empty"
              + " for the host, or for 127.0.0.1 where the host is 0.0.0.0.");
  static final ConfigKey BROKER_ADVERTISE =
      text(
          "broker.advertise",
          "",
          "host or host:port that RocketMQ clients are told to dial to reach the Broker, where that"
              + " is not the advertised host and the listener's own port, such as behind a port"
              + " mapping; empty for those.");
  static final ConfigKey HTTP_PORT =
      number("http.port", 8080, 0, 65_535, "Port of the HTTP and WebSocket front; 0 for any free.");
  static final ConfigKey NAMESERVER_PORT =
      number(
          "nameserver.port",
          9876,
          0,
          65_535,
          "Port at which RocketMQ clients ask the NameServer; 0 for any free.");
  static final ConfigKey BROKER_PORT =
      number(
          "broker.port",
          10_911,
          0,
          65_535,
          "Port at which RocketMQ clients reach the Broker; 0 for any free.");
  static final ConfigKey TLS_CERTIFICATE =
      text(
          "tls.certificate",
          "",
          "PEM file of the certificate with which RocketMQ clients may speak TLS at their ports;"
              + " empty for no TLS.");
  static final ConfigKey TLS_KEY =
      text("tls.key", "", "PEM file of the certificate's key, PKCS #8 without a password.");
  static final ConfigKey TLS_MODE =
      choice(
          "tls.mode",
          "permissive",
          List.of("permissive", "enforcing"),
          "Where there is a certificate: permissive takes RocketMQ clients with and without TLS at"
              + " the same port, enforcing those with TLS only.");
  static final ConfigKey CLUSTER_NAME =
      text(
          "cluster.name",
          ClusterOptions.DEFAULT_NAME,
          "Name of the cluster that the Broker belongs to.");
  static final ConfigKey CLUSTER_ENABLED =
      onOff(
          "cluster.enabled",
          false,
          "Whether the process joins others to one cluster; --cluster is short for it.");
  static final ConfigKey CLUSTER_HOST =
      text(
          "cluster.host",
          "",
          "Address or name at which the other processes reach this one; empty for the host, or for"
              + " this machine's own address where the host is 0.0.0.0.");
  static final ConfigKey CLUSTER_PORT =
      number(
          "cluster.port",
          7_800,
          1,
          65_533,
          "Port of the membership; the next is that of the event bus, the one after it tells at"
              + " once that a process died.");
  static final ConfigKey CLUSTER_HOSTS =
      text(
          "cluster.hosts",
          "",
          "Where to look for the others: host:port of some or all, parted by commas; or dns:name"
              + " for every address of a name, dns:name@host:port to ask that DNS server for it.");
  static final ConfigKey CLUSTER_SECRET =
      text(
          "cluster.secret",
          "",
          "What all processes of the cluster know and nobody else, 16 characters or more: with it"
              + " the cluster's ports and that for slaves speak TLS and take no others. Empty for"
              + " none.");
  static final ConfigKey CONTROLLER_MEMBERS =
      text(
          "controller.members",
          "",
          "host:port of all controllers, parted by commas, the same everywhere: three or more elect"
              + " the masters. Empty: masters are promoted by hand.");
  static final ConfigKey CONTROLLER_ENABLED =
      onOff(
          "controller.enabled",
          false,
          "Whether the process of a NameServer is one of the controllers, too.");
  static final ConfigKey CONTROLLER_HOST =
      text(
          "controller.host",
          "",
          "Address or name of this process in controller.members; empty for the host, or for this"
              + " machine's own address where the host is 0.0.0.0.");
  static final ConfigKey CONTROLLER_PORT =
      number(
          "controller.port",
          9_878,
          1,
          65_533,
          "Port at which a controller takes Brokers; the next is for the consensus, the one after"
              + " it tells at once that a process died.");
  static final ConfigKey CONTROLLER_LEASE =
      duration(
          "controller.lease",
          "2s",
          "1s",
          "1m",
          "A master that has not reached the controllers for so long stops acking; half a second"
              + " later another is elected. The same for all controllers.");
  static final ConfigKey BROKER_NAME =
      text("broker.name", "broker-a", "Name of the Broker; a master and its slaves share it.");
  static final ConfigKey BROKER_SLAVE_READS =
      onOff(
          "broker.slave-reads",
          false,
          "Whether RocketMQ clients that are far behind are told to pull from a slave"
              + " (slaveReadEnable). They do so in any case when their master is gone.");
  static final ConfigKey BROKER_SLAVE_READS_BEHIND =
      size(
          "broker.slave-reads-behind",
          "0",
          "0",
          "1024t",
          "How many bytes of the log behind its end is far behind; 0 for 40 % of the machine's"
              + " memory.");
  static final ConfigKey BROKER_NAMESERVERS =
      text(
          "broker.nameservers",
          "",
          "host:port of NameServers outside of this cluster, RocketMQ's or Sluice's, that the Broker"
              + " tells what it has (namesrvAddr); several parted by commas or semicolons.");
  static final ConfigKey ACK =
      choice(
          "ack",
          "disk",
          List.of("memory", "disk", "replicated"),
          "What must have happened before a send or a settle is answered, where the request does"
              + " not say: memory survives the death of the process, disk that of the machine,"
              + " replicated its loss.");
  static final ConfigKey BROKER_ID =
      number(
          "broker.id",
          0,
          0,
          1_000_000,
          "0 for a master; a slave has another number. Where replication.from is set, 0 stands for"
              + " 1.");
  static final ConfigKey REPLICATION_PORT =
      number(
          "replication.port",
          -1,
          -1,
          65_535,
          "Port at which a master takes slaves, 10912 by custom; 0 for any free, -1 for none. Without"
              + " cluster.secret keep it in a private network: who reaches it gets every message.");
  static final ConfigKey REPLICATION_FROM =
      text(
          "replication.from",
          "",
          "host:port at which this Broker's master takes slaves; empty for a master.");
  static final ConfigKey REPLICATION_FROM_ROCKETMQ =
      text(
          "replication.from-rocketmq",
          "",
          "host:port at which clients reach a master of Apache RocketMQ that this Broker follows as"
              + " its slave, to take its place; empty for none.");
  static final ConfigKey REPLICATION_MIN_IN_SYNC =
      number(
          "replication.min-in-sync",
          1,
          1,
          16,
          "Slaves that must be in sync for ack level replicated; with fewer such sends are"
              + " refused.");
  static final ConfigKey REPLICATION_IN_SYNC_TIMEOUT =
      duration(
          "replication.in-sync-timeout",
          "3s",
          "100ms",
          "1h",
          "A slave that has not had all of the log for so long is not in sync: nobody waits for it"
              + " any more.");
  static final ConfigKey REPLICATION_ACK_TIMEOUT =
      duration(
          "replication.ack-timeout",
          "5s",
          "100ms",
          "1h",
          "A send with ack level replicated waits at most so long for the slaves; then it is"
              + " answered that it is stored and not confirmed.");
  static final ConfigKey TOPICS_AUTO_CREATE =
      onOff("topics.auto-create", true, "Whether a topic is made by the first send to it.");
  static final ConfigKey TOPICS_QUEUES =
      number("topics.queues", 8, 1, 65_536, "MessageQueues of a topic that is made by itself.");
  static final ConfigKey MESSAGE_MAX_SIZE =
      size("message.max-size", "4m", "1k", "64m", "The largest body of a message.");
  static final ConfigKey MESSAGE_MAX_DELAY =
      duration(
          "message.max-delay",
          "60d",
          "1s",
          "3650d",
          "The longest delay of a message. A message that waits keeps the log behind it.");
  static final ConfigKey MESSAGE_DELAY_LEVELS =
      durations(
          "message.delay-levels",
          "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h",
          "0",
          "3650d",
          "What RocketMQ clients mean by a delay level, from level 1 on. From level 3 on they are"
              + " the delays between the attempts of a new group too.");
  static final ConfigKey MESSAGE_DUPLICATE_WINDOW =
      duration(
          "message.duplicate-window",
          "10m",
          "0",
          "365d",
          "How long a repeated send is recognised by its key and not stored again, where the topic"
              + " does not say; 0 for not at all.");
  static final ConfigKey MESSAGE_DUPLICATE_ENTRIES =
      number(
          "message.duplicate-entries",
          1_000_000,
          1,
          16_000_000,
          "How many sends with a key are remembered to recognise repeats, where the topic does not"
              + " say; the oldest go first. 28 bytes each. All topics together take an eighth of"
              + " the heap at most; then the one with the most gives way.");
  static final ConfigKey TRANSACTIONS_ENABLED =
      onOff(
          "transactions.enabled",
          true,
          "Whether new transactions are taken; those that are open are ended in any case.");
  static final ConfigKey TRANSACTIONS_MAX_OPEN =
      number(
          "transactions.max-open",
          100_000,
          1,
          10_000_000,
          "Transactions that may be open at the same time; about 300 bytes of memory each.");
  static final ConfigKey TRANSACTIONS_FIRST_CHECK =
      duration(
          "transactions.first-check",
          "6s",
          "1ms",
          "365d",
          "Age at which a producer is asked for the first time how an open transaction ended.");
  static final ConfigKey TRANSACTIONS_CHECK_INTERVAL =
      duration(
          "transactions.check-interval", "30s", "1ms", "365d", "Time until it is asked again.");
  static final ConfigKey TRANSACTIONS_MAX_CHECKS =
      number(
          "transactions.max-checks",
          15,
          1,
          1_000_000,
          "How often it is asked; then the transaction is rolled back.");
  static final ConfigKey STORE_SEGMENT =
      size("store.segment", "128m", "64k", "1g", "Size of one file of the commit log.");
  static final ConfigKey STORE_RETENTION =
      duration("store.retention", "72h", "1s", "3650d", "How long messages are kept.");
  static final ConfigKey STORE_QUOTA =
      size(
          "store.quota",
          "0",
          "0",
          "1024t",
          "How many bytes the commit log may take, two segments or more; the oldest go first. 0 for"
              + " no quota.");
  static final ConfigKey STORE_MIN_FREE =
      size(
          "store.min-free",
          "320m",
          "0",
          "1024t",
          "Free room on the disk under which the oldest segments go, whatever their age.");
  static final ConfigKey STORE_FLUSH_INTERVAL =
      duration(
          "store.flush-interval",
          "500ms",
          "1ms",
          "1h",
          "A message that nobody waits for is forced to the disk after this time.");
  static final ConfigKey STORE_CUT_AT_DAMAGE =
      onOff(
          "store.cut-at-damage",
          false,
          "Whether a log with damage in the middle is cut there instead of being refused; what is"
              + " cut is kept in the directory lost.");
  static final ConfigKey HTTP_MAX_HEADER =
      size("http.max-header", "16k", "1k", "1m", "All headers of a request together.");
  static final ConfigKey HTTP_TOKEN_KEY =
      text(
          "http.token-key",
          "",
          "File with the key that callers' tokens (JWT) are signed with: a JSON Web Key Set, a public"
              + " key in PEM, or a secret of 32 bytes or more; empty lets everyone do everything.");
  static final ConfigKey HTTP_TOKEN_ISSUER =
      text("http.token-issuer", "", "Who must have issued a token (its claim iss); empty for any.");
  static final ConfigKey HTTP_TOKEN_AUDIENCE =
      text(
          "http.token-audience",
          "",
          "For whom a token must have been issued (its claim aud); empty for any.");
  static final ConfigKey HTTP_IDLE_TIMEOUT =
      duration(
          "http.idle-timeout",
          "60s",
          "100ms",
          "1h",
          "A connection without a request, or a request without a further byte, is closed after"
              + " this.");
  static final ConfigKey HTTP_FIRST_REQUEST_TIMEOUT =
      duration(
          "http.first-request-timeout",
          "10s",
          "100ms",
          "1h",
          "A connection says its first whole request within this time.");
  static final ConfigKey HTTP_MAX_CONNECTIONS =
      number(
          "http.max-connections",
          0,
          0,
          1_000_000,
          "HTTP connections open at the same time, WebSockets not counted; 0 for one for each 24 KB"
              + " of the heap, 50000 at most.");
  static final ConfigKey HTTP_MAX_WAITING =
      number(
          "http.max-waiting",
          20_000,
          1,
          1_000_000,
          "Long polls and event streams that may wait at the same time.");
  static final ConfigKey HTTP_MAX_IN_FLIGHT =
      size(
          "http.max-in-flight",
          "16m",
          "64k",
          "1g",
          "Bytes of messages taken in and not answered yet, by event loop; more is answered 429.");
  static final ConfigKey WEBSOCKET_MAX_SOCKETS =
      number(
          "websocket.max-sockets",
          0,
          0,
          1_000_000,
          "WebSockets open at the same time; 0 for one for each 12 KB of the heap, 50000 at most.");
  static final ConfigKey WEBSOCKET_MAX_SUBSCRIPTIONS =
      number("websocket.max-subscriptions", 256, 1, 65_536, "Subscriptions of one WebSocket.");
  static final ConfigKey WEBSOCKET_PING_INTERVAL =
      duration(
          "websocket.ping-interval",
          "20s",
          "100ms",
          "1h",
          "A WebSocket is pinged so often, and closed when it said nothing for three times as"
              + " long.");
  static final ConfigKey EVENT_LOOPS =
      number(
          "threads.event-loops",
          0,
          0,
          64,
          "Event loops of the process; 0 chooses by the number of processors.");
  static final ConfigKey WORKERS =
      number(
          "threads.workers",
          4,
          1,
          64,
          "Threads for work that may block; the store reads from the disk with two of its own.");
  static final ConfigKey BLOCKED_WARNING =
      duration(
          "threads.blocked-warning",
          "2s",
          "10ms",
          "1h",
          "An event loop that is held up for longer is logged with what holds it.");
  static final ConfigKey DRAIN_GRACE =
      duration(
          "drain.grace",
          "0s",
          "0s",
          "1h",
          "A server that is told to stop takes sends for so long, while routes say already that"
              + " nothing is to be sent to it. RocketMQ clients look at the routes every 30 s.");
  static final ConfigKey DRAIN_TIMEOUT =
      duration(
          "drain.timeout",
          "5s",
          "0s",
          "1h",
          "A server that stops waits at most so long for its slaves to have everything.");
  static final ConfigKey LOG_LEVEL =
      choice(
          "log.level",
          "info",
          List.of("debug", "info", "warning", "error"),
          "What is written to standard error: this and what is graver.");

  /** All keys. */
  static final List<ConfigKey> KEYS =
      List.of(
          DATA,
          HOST,
          ADVERTISED_HOST,
          ACK,
          HTTP_PORT,
          HTTP_TOKEN_KEY,
          HTTP_TOKEN_ISSUER,
          HTTP_TOKEN_AUDIENCE,
          HTTP_MAX_HEADER,
          HTTP_MAX_CONNECTIONS,
          HTTP_MAX_WAITING,
          HTTP_MAX_IN_FLIGHT,
          HTTP_FIRST_REQUEST_TIMEOUT,
          HTTP_IDLE_TIMEOUT,
          WEBSOCKET_MAX_SOCKETS,
          WEBSOCKET_MAX_SUBSCRIPTIONS,
          WEBSOCKET_PING_INTERVAL,
          NAMESERVER_PORT,
          BROKER_PORT,
          BROKER_ADVERTISE,
          BROKER_NAME,
          BROKER_ID,
          BROKER_NAMESERVERS,
          BROKER_SLAVE_READS,
          BROKER_SLAVE_READS_BEHIND,
          CLUSTER_NAME,
          CLUSTER_ENABLED,
          CLUSTER_HOST,
          CLUSTER_PORT,
          CLUSTER_HOSTS,
          CLUSTER_SECRET,
          CONTROLLER_MEMBERS,
          CONTROLLER_ENABLED,
          CONTROLLER_HOST,
          CONTROLLER_PORT,
          CONTROLLER_LEASE,
          REPLICATION_PORT,
          REPLICATION_FROM,
          REPLICATION_FROM_ROCKETMQ,
          REPLICATION_MIN_IN_SYNC,
          REPLICATION_IN_SYNC_TIMEOUT,
          REPLICATION_ACK_TIMEOUT,
          TLS_CERTIFICATE,
          TLS_KEY,
          TLS_MODE,
          TOPICS_AUTO_CREATE,
          TOPICS_QUEUES,
          MESSAGE_MAX_SIZE,
          MESSAGE_MAX_DELAY,
          MESSAGE_DELAY_LEVELS,
          MESSAGE_DUPLICATE_WINDOW,
          MESSAGE_DUPLICATE_ENTRIES,
          TRANSACTIONS_ENABLED,
          TRANSACTIONS_MAX_OPEN,
          TRANSACTIONS_FIRST_CHECK,
          TRANSACTIONS_CHECK_INTERVAL,
          TRANSACTIONS_MAX_CHECKS,
          STORE_SEGMENT,
          STORE_RETENTION,
          STORE_QUOTA,
          STORE_MIN_FREE,
          STORE_FLUSH_INTERVAL,
          STORE_CUT_AT_DAMAGE,
          EVENT_LOOPS,
          WORKERS,
          BLOCKED_WARNING,
          DRAIN_GRACE,
          DRAIN_TIMEOUT,
          LOG_LEVEL);

  private static final Map<String, ConfigKey> BY_NAME =
      KEYS.stream().collect(Collectors.toUnmodifiableMap(ConfigKey::name, Function.identity()));

  private ConfigTable() {}

  static Optional<ConfigKey> find(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  static Set<String> names() {
    return BY_NAME.keySet();
  }
}
