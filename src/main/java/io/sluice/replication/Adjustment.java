package io.sluice.replication;

import io.sluice.store.FileAccess;
import io.sluice.store.LogCuts;
import io.sluice.store.SmallFiles;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;

/**
 * What has to be done to a slave's data before it can follow its master. Made while its Broker
 * runs, carried out by {@link #apply} while it is closed.
 *
 * <p>A crash in between is no harm. The master's snapshot takes its place first: with it any log of
 * the past starts, and the handshake says again what is left to be done.
 */
public final class Adjustment {

  private static final System.Logger LOG = System.getLogger(Adjustment.class.getName());

  /** Where a snapshot is collected. */
  static final String RECEIVED_NAME = "state.snapshot.received";

  private static final String SNAPSHOT_NAME = "state.snapshot";

  private final FileAccess files;
  private final ReplicationOptions options;
  private final Handshake.Answer answer;
  private final boolean snapshot;
  private final EpochHistory history;
  private Step last = () -> {};

  /** Work with files. */
  @FunctionalInterface
  interface Step {
    void run() throws IOException;
  }

  Adjustment(
      FileAccess files,
      ReplicationOptions options,
      Handshake.Answer answer,
      boolean snapshot,
      EpochHistory history) {
    this.files = files;
    this.options = options;
    this.answer = answer;
    this.snapshot = snapshot;
    this.history = history;
  }

  /** Adds what is to be done when the log is as it is to be. */
  Adjustment then(Step step) {
    last = step;
    return this;
  }

  /** Carries it out; blocks. */
  public void apply() throws IOException {
    Path directory = options.directory();
    if (snapshot) {
      SmallFiles.move(files, directory.resolve(RECEIVED_NAME), directory.resolve(SNAPSHOT_NAME));
    } else {
      // The master has none: all of the state is in its log.
      files.delete(directory.resolve(SNAPSHOT_NAME));
    }
    if (answer.action() == Handshake.Action.RESTART) {
      LOG.log(
          Level.WARNING,
          "the log in {0} ends before the master''s begins: it is thrown away, and begins at"
              + " physical offset {1}",
          directory,
          Long.toString(answer.place()));
      LogCuts.restart(options.store(), files, answer.place());
    } else {
      long bytes = LogCuts.cut(options.store(), files, answer.place());
      LOG.log(
          Level.WARNING,
          "the log in {0} parts from the master''s at physical offset {1}: {2} bytes were cut, and"
              + " are kept in {3}",
          directory,
          Long.toString(answer.place()),
          Long.toString(bytes),
          directory.resolve("lost"));
    }
    new EpochFile(files, directory).write(history.upTo(answer.place()));
    last.run();
  }

  @Override
  public String toString() {
    return answer.action() + " at " + answer.place();
  }
}
