package io.sluice.app;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * What a broker.conf says of who a Broker is among others: master or slave, who follows whom, and
 * what a send waits for. These keys say it together, so they are looked at when all are read.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, BrokerStartup (roles and ids) and CommitLog
 * (handleHA). There the replicas that must have a message are counted with the master, here without
 * it.
 */
final class RocketMqRole {

  static final Set<String> KEYS =
      Set.of(
          "brokerId",
          "brokerRole",
          "haListenPort",
          "haMasterAddress",
          "inSyncReplicas",
          "minInSyncReplicas",
          "enableAutoInSyncReplicas",
          "enableControllerMode",
          "enableDLegerCommitLog");

  /** BrokerStartup's; the one for slaves is the next. */
  private static final int DEFAULT_PORT = 10_911;

  /** As many slaves as replication.min-in-sync takes, and the master. */
  private static final int MOST_REPLICAS = 17;

  private static final String SECOND_MASTER =
      ", and a second master of this name would take messages that nobody looks for; ";

  private final Map<String, String> found;
  private final UnaryOperator<String> origins;
  private final RocketMqConfig.Result result;
  private final List<String> mistakes;

  /**
   * Nothing is decided yet.
   *
   * @param found what a file says, by key
   * @param origins file and line of a key
   * @param result takes values, notes and needs
   * @param mistakes takes what stops the start
   */
  RocketMqRole(
      Map<String, String> found,
      UnaryOperator<String> origins,
      RocketMqConfig.Result result,
      List<String> mistakes) {
    this.found = found;
    this.origins = origins;
    this.result = result;
    this.mistakes = mistakes;
  }

  void decide() {
    String role = found.getOrDefault("brokerRole", "").toUpperCase(Locale.ROOT);
    if (!Set.of("", "ASYNC_MASTER", "SYNC_MASTER", "SLAVE").contains(role)) {
      mistake("brokerRole", "found '" + role + "', allowed is ASYNC_MASTER, SYNC_MASTER, SLAVE");
      return;
    }
    if (found.containsKey("haListenPort")) {
      put(ConfigTable.REPLICATION_PORT, portForSlaves(), "haListenPort");
    }
    int slaves = slavesToWaitFor();
    long id = brokerId();
    if (role.equals("SLAVE") || id > 0) {
      slave(role, id);
    } else {
      master(role, slaves);
    }
    elections();
  }

  /** -1 as RocketMQ's own controllers have it: they give the numbers. */
  private long brokerId() {
    String text = found.getOrDefault("brokerId", "0");
    return text.equals("-1") ? 0 : number("brokerId", text, 0, 1_000_000);
  }

  private void slave(String role, long id) {
    if (!role.equals("SLAVE") && !role.isEmpty()) {
      mistake(
          "brokerId",
          "found '" + id + "' beside brokerRole=" + role + "; a master has 0, a slave says SLAVE");
      return;
    }
    if (found.getOrDefault("brokerId", "1").equals("0")) {
      mistake("brokerId", "found '0' beside brokerRole=SLAVE; a slave has 1 or more");
      return;
    }
    if (id > 0) {
      put(ConfigTable.BROKER_ID, Long.toString(id), "brokerId");
    }
    String master = found.getOrDefault("haMasterAddress", "");
    if (!master.isEmpty() && !master.matches(".+:[0-9]{1,5}")) {
      mistake(
          "haMasterAddress",
          "found '" + master + "', allowed is host:port, the master's haListenPort");
    } else if (!master.isEmpty()) {
      put(ConfigTable.REPLICATION_FROM, master, "haMasterAddress");
    }
    String key = role.isEmpty() ? "brokerId" : "brokerRole";
    need(
        key,
        "found '"
            + found.get(key)
            + "', but nobody says which master this slave follows (RocketMQ's ask a NameServer)"
            + SECOND_MASTER
            + "name it in haMasterAddress or replication.from, one of Apache RocketMQ in"
            + " replication.from-rocketmq, or let controller.members elect",
        ConfigTable.REPLICATION_FROM,
        ConfigTable.REPLICATION_FROM_ROCKETMQ,
        ConfigTable.CONTROLLER_MEMBERS);
  }

  /**
   * A master.
   *
   * @param slaves that must have what is answered; -1 if nobody says
   */
  private void master(String role, int slaves) {
    if (found.containsKey("haMasterAddress")) {
      note("haMasterAddress has no meaning here: this Broker is no slave", "haMasterAddress");
    }
    if (role.equals("SYNC_MASTER") && slaves != 0) {
      put(ConfigTable.ACK, "replicated", "brokerRole");
      put(ConfigTable.REPLICATION_PORT, portForSlaves(), "brokerRole");
      note(
          "brokerRole=SYNC_MASTER: a send is answered when "
              + Math.max(1, slaves)
              + " or more slaves in sync have it, and refused while there are fewer; they come to"
              + " port "
              + portForSlaves(),
          "brokerRole");
      return;
    }
    if (role.equals("SYNC_MASTER")) {
      note(
          "brokerRole=SYNC_MASTER: no send waits for a slave, since the in-sync replicas count the"
              + " master and are 1; 2 is one slave",
          "brokerRole");
    }
    if (!role.isEmpty() && !found.containsKey("haListenPort")) {
      note(
          "brokerRole=" + role + ": slaves can come where haListenPort or replication.port is set",
          "brokerRole");
    }
  }

  /** From 0 on, RocketMQ takes the next one after its own. */
  private String portForSlaves() {
    long port = number("haListenPort", found.getOrDefault("haListenPort", "0"), -1, 65_535);
    if (port > 0) {
      return Long.toString(port);
    }
    String own = found.getOrDefault("listenPort", Integer.toString(DEFAULT_PORT));
    // A listenPort that is no number is told where it is taken.
    return own.matches("[0-9]{1,5}") && !own.equals("0")
        ? Integer.toString(Integer.parseInt(own) + 1)
        : "0";
  }

  /**
   * The larger of both numbers, less the master; where RocketMQ goes down from one to the other, as
   * slaves leave, it is the other.
   *
   * @return -1 if the file does not say
   */
  private int slavesToWaitFor() {
    boolean lower = Boolean.parseBoolean(found.get("enableAutoInSyncReplicas"));
    int all = lower ? -1 : replicas("inSyncReplicas");
    int least = replicas("minInSyncReplicas");
    int replicas = Math.max(all, least);
    if (replicas < 0) {
      return -1;
    }
    String key = all > least ? "inSyncReplicas" : "minInSyncReplicas";
    if (replicas > 1) {
      put(ConfigTable.REPLICATION_MIN_IN_SYNC, Integer.toString(replicas - 1), key);
    }
    return replicas - 1;
  }

  private int replicas(String key) {
    String text = found.get(key);
    return text == null ? -1 : (int) number(key, text, 1, MOST_REPLICAS);
  }

  /** Where RocketMQ would elect, somebody has to: else each Broker of the name is a master. */
  private void elections() {
    for (String key : new String[] {"enableControllerMode", "enableDLegerCommitLog"}) {
      if (Boolean.parseBoolean(found.get(key))) {
        need(
            key,
            "found 'true', but it is Sluice's own controllers that elect masters here"
                + SECOND_MASTER
                + "name them in controller.members, see docs/operations.md",
            ConfigTable.CONTROLLER_MEMBERS);
      }
    }
  }

  private long number(String key, String text, long least, long most) {
    try {
      long value = Long.parseLong(text);
      if (value >= least && value <= most) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    mistake(key, "found '" + text + "', allowed is " + least + " to " + most);
    return least;
  }

  private void put(ConfigKey key, String text, String from) {
    result
        .values()
        .put(key.name(), new Configuration.Entry(text, origins.apply(from) + " " + from));
  }

  private void note(String text, String from) {
    result.notes().add(new Configuration.Note(false, origins.apply(from) + ": " + text));
  }

  private void mistake(String key, String text) {
    String mistake = origins.apply(key) + ": " + key + ": " + text;
    if (!mistakes.contains(mistake)) {
      mistakes.add(mistake);
    }
  }

  private void need(String key, String text, ConfigKey... anyOf) {
    result
        .needs()
        .add(
            new RocketMqConfig.Need(List.of(anyOf), origins.apply(key) + ": " + key + ": " + text));
  }
}
