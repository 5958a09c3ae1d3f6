package io.sluice.store;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Changes where a store's log ends or begins, while nobody has the store open: for a follower whose
 * log parts from its master's. Queues and index are rebuilt by the next start where they said more
 * than is left. Static; for workers.
 */
public final class LogCuts {

  private LogCuts() {}

  /**
   * Cuts the log at a place; what is cut is kept in {@code lost/<place>}.
   *
   * @param place a physical offset where a record begins or the log ends
   * @return how many bytes were cut
   * @throws StoreException LOCKED if somebody has the store, FAILED if a file fails
   */
  public static long cut(StoreOptions options, FileAccess access, long place) {
    StoreFiles files = new StoreFiles(options, access, StoreThreads.system());
    files.lock();
    try {
      files.open();
      Checkpoint.State state = files.checkpoint.state();
      if (state != null) {
        Checkpoint.State cut = state.cutAt(place, files.access.bootId());
        boolean rebuild = state.derived().to() > place;
        write(files, rebuild ? cut.withNothingDerived(0) : cut);
        if (rebuild) {
          dropDerived(files);
        }
      }
      keepEarlier(files, place);
      return new LogSearch(files.log).cut(files, place, true);
    } catch (IOException e) {
      throw Failures.failed("cutting the log in", files.directory, e);
    } finally {
      files.close();
    }
  }

  /**
   * Throws the whole log away; the next record has this physical offset.
   *
   * @param place where another store's log has a segment beginning
   * @throws StoreException LOCKED if somebody has the store, FAILED if a file fails
   */
  public static void restart(StoreOptions options, FileAccess access, long place) {
    StoreFiles files = new StoreFiles(options, access, StoreThreads.system());
    files.lock();
    try {
      files.open();
      dropDerived(files);
      files.log.removeFrom(0).forEach(file -> file.retire(true));
      files.log.forceDirectory();
      write(
          files,
          new Checkpoint.State(
              place, place, false, files.access.bootId(), Checkpoint.Derived.nothing(place)));
    } catch (IOException e) {
      throw Failures.failed("restarting the log in", files.directory, e);
    } finally {
      files.close();
    }
  }

  private static void write(StoreFiles files, Checkpoint.State state) throws IOException {
    files.checkpoint.write(state);
    files.checkpoint.force();
  }

  private static void dropDerived(StoreFiles files) throws IOException {
    for (FileSpace space : new FileSpace[] {files.chunks.space(), files.names.space()}) {
      space.removeFrom(0).forEach(file -> file.retire(true));
    }
    files.index.startEmpty(0);
  }

  /** What an earlier cut at the same place kept gets another name. */
  private static void keepEarlier(StoreFiles files, long place) throws IOException {
    Path kept = files.lostDirectory().resolve(FileSpace.name(place));
    if (!files.access.exists(kept)) {
      return;
    }
    int number = 1;
    while (files.access.exists(kept.resolveSibling(kept.getFileName() + "." + number))) {
      number++;
    }
    files.access.move(kept, kept.resolveSibling(kept.getFileName() + "." + number));
  }
}
