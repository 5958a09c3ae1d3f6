package io.sluice.app;

import io.sluice.broker.BrokerOptions;
import io.sluice.broker.RocketMqImport;
import io.sluice.replication.RocketMqFiles;
import io.sluice.store.FileAccess;
import io.sluice.store.LogCuts;
import io.sluice.util.Clock;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.util.List;

/**
 * Makes the data of a slave of RocketMQ those of a master of Sluice, while its Broker is closed. A
 * crash in between leaves a slave that goes on following, or can be promoted again. For workers.
 */
final class RocketMqTakeOver {

  private static final System.Logger LOG = System.getLogger(RocketMqTakeOver.class.getName());

  private RocketMqTakeOver() {}

  static void run(BrokerOptions broker, List<Long> delayLevelsMs, Clock clock) throws IOException {
    Path directory = broker.getDirectory();
    RocketMqFiles files = new RocketMqFiles(directory);
    long begun = files.takingOverFrom();
    if (begun >= 0) {
      LogCuts.cut(broker.getStore(), FileAccess.system(), begun);
    }
    RocketMqImport.Report report =
        RocketMqImport.inPlace(
            files.directory(),
            broker.getStore(),
            directory,
            delayLevelsMs,
            clock,
            files::beginTakeOver);
    files.endTakeOver();
    LOG.log(
        Level.INFO,
        "taken over from RocketMQ: {0} messages, {1} topics, {2} groups, {3} positions, {4} delayed"
            + " messages that wait",
        Long.toString(report.messages()),
        Integer.toString(report.topics()),
        Integer.toString(report.groups()),
        Integer.toString(report.positions()),
        Long.toString(report.delayed()));
    if (report.halfMessages() > 0) {
      LOG.log(
          Level.WARNING,
          "not taken over are {0} transactional messages that were neither committed nor rolled"
              + " back, such as {1}",
          Long.toString(report.halfMessages()),
          report.halfMessageIds());
    }
  }
}
