package io.sluice.app;

import java.util.ArrayList;
import java.util.List;

/** Makes the reference page and the commented file from the table of configuration. */
final class ConfigDocuments {

  private static final int WIDTH = 98;

  private static final String OF_ROCKETMQ =
      """

      ## RocketMQ's files

      `-c FILE` (`--rocketmq-config FILE`; more than once, if you like) takes a broker.conf or namesrv.conf of RocketMQ 5.5.0 as it is;
      so does `--config FILE` where the name ends with `.conf` or `.properties`. A file is a NameServer's if its name has `namesrv` in it
      or it has a key that only NameServers know.

      | RocketMQ's key | becomes |
      |---|---|
      | `brokerIP1` | `advertised-host` |
      | `listenPort` | `broker.port`, in a NameServer's file `nameserver.port` |
      | `bindAddress` | `host` |
      | `brokerName`, `brokerClusterName` | `broker.name`, `cluster.name` |
      | `namesrvAddr` | `broker.nameservers` |
      | `brokerId` | `broker.id` of a slave; a master has 0, and -1 is for controllers to say |
      | `brokerRole` | `ASYNC_MASTER`: a master. `SYNC_MASTER`: a master with `ack` `replicated` and `replication.port`, whatever `flushDiskType` says. `SLAVE`: a slave of `haMasterAddress` |
      | `haListenPort` | `replication.port`; 0, or none with `SYNC_MASTER`, is the one after `listenPort` |
      | `haMasterAddress` of a slave | `replication.from` |
      | `inSyncReplicas`, `minInSyncReplicas` | `replication.min-in-sync`: the larger one less 1, since RocketMQ counts the master; with `enableAutoInSyncReplicas` the second. If they say 1, `SYNC_MASTER` waits for no slave, as there |
      | `slaveTimeout` (ms) | `replication.ack-timeout` |
      | `haMaxTimeSlaveNotCatchup` (ms) | `replication.in-sync-timeout` |
      | `slaveReadEnable` | `broker.slave-reads` |
      | `storePathRootDir` | `data`; a store that RocketMQ wrote there is not opened but named with the way to import it |
      | `fileReservedTime` (hours) | `store.retention` |
      | `flushDiskType` | `ack`: `SYNC_FLUSH` is `disk`, `ASYNC_FLUSH` is `memory` |
      | `flushIntervalCommitLog` (ms) | `store.flush-interval` |
      | `mappedFileSizeCommitLog` | `store.segment` |
      | `autoCreateTopicEnable`, `defaultTopicQueueNums` | `topics.auto-create`, `topics.queues` |
      | `maxMessageSize` | `message.max-size` |
      | `timerMaxDelaySec` | `message.max-delay` |
      | `messageDelayLevel` | `message.delay-levels` |
      | `transactionTimeOut`, `transactionCheckInterval` (ms) | `transactions.first-check`, `transactions.check-interval` |
      | `transactionCheckMax` | `transactions.max-checks` |

      Each other key of RocketMQ is named in the log with the reason why it has no meaning here (`deleteWhen`: segments go as soon as they
      are old enough). A key that RocketMQ does not know is passed over with a warning that names the nearest.

      Refused is what would make a second master of a name: `brokerRole=SLAVE` or a `brokerId` over 0 where nothing says whom to follow
      (`haMasterAddress`, `replication.from`, `replication.from-rocketmq` for a master of Apache RocketMQ, or `controller.members`), and
      `enableControllerMode` or `enableDLegerCommitLog` with `true` without `controller.members`. Refused are `aclEnable`,
      `authenticationEnabled` and `authorizationEnabled` with `true`, since there is no access control at RocketMQ's ports.
      """;

  private ConfigDocuments() {}

  static String markdown() {
    StringBuilder out = new StringBuilder();
    out.append(
        """
        # Configuration

        Each value has one name and these places, the later the stronger:

        | place | form |
        |---|---|
        | `conf/sluice.yaml`, or the file named by `--config FILE` or `SLUICE_CONFIG` | `http: {port: 8080}`, nested by the dots of the name |
        | RocketMQ's broker.conf or namesrv.conf, named by `-c FILE` or `--rocketmq-config FILE` | `listenPort=10911`, see below |
        | environment | `SLUICE_HTTP_PORT=8080` |
        | flag | `--http-port 8080` |

        A key that does not exist, or a value that can not be, stops the start with exit code 2 and is named with the place
        where it stood and the nearest that is right. The effective configuration is logged once at the start.
        Sizes are bytes with `k`, `m`, `g` or `t` (powers of 1024); durations are such as `250ms`, `30s`, `1h30m`, `7d`.

        | key | type | default | allowed | what it does |
        |---|---|---|---|---|
        """);
    for (ConfigKey key : ConfigTable.KEYS) {
      String defaultText = key.defaultText().isEmpty() ? "empty" : "`" + key.defaultText() + "`";
      out.append(
          String.format(
              "| `%s` | %s | %s | %s | %s |%n",
              key.name(), key.type().word(), defaultText, key.allowed(), key.sentence()));
    }
    return out.append(OF_ROCKETMQ).toString();
  }

  /** Every key with its default, commented out, nested by the dots. */
  static String yaml() {
    StringBuilder out = new StringBuilder();
    out.append(
        "# Configuration of Sluice. All values shown are the defaults; take the # away and\n");
    out.append("# change what you need. The environment and flags are stronger than this file;\n");
    out.append("# docs/configuration.md says how.\n");
    String section = "";
    for (ConfigKey key : ConfigTable.KEYS) {
      int dot = key.name().indexOf('.');
      String head = dot < 0 ? "" : key.name().substring(0, dot);
      out.append('\n');
      if (!head.equals(section) && dot >= 0) {
        out.append('#').append(head).append(":\n");
      }
      section = head;
      String indent = dot < 0 ? "" : "  ";
      String text = key.sentence() + " Allowed: " + key.allowed() + ".";
      wrap(text, WIDTH - indent.length())
          .forEach(l -> out.append("# ").append(indent).append(l).append('\n'));
      String value = key.defaultText().isEmpty() ? "\"\"" : key.defaultText();
      out.append('#')
          .append(indent)
          .append(key.name().substring(dot + 1))
          .append(": ")
          .append(value)
          .append('\n');
    }
    return out.toString();
  }

  private static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : text.split(" ")) {
      if (line.length() + word.length() + 1 > width) {
        lines.add(line.toString());
        line.setLength(0);
      }
      line.append(line.length() == 0 ? "" : " ").append(word);
    }
    lines.add(line.toString());
    return lines;
  }
}
