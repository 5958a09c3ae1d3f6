package io.sluice.store;

import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * What a Broker asks of the replication of its log; what implements it knows of connections. Owned
 * by the store's owner thread.
 */
public interface Replication {

  /** A log that is nowhere else. */
  Replication NONE = new None();

  /**
   * How it stands.
   *
   * @param role "master" or "slave"
   * @param epoch number of the present epoch, 0 if there is none
   * @param confirmedTo what consumers see ends here
   * @param inSync slaves in sync; on a slave 1 if it is, as far as it knows
   * @param slaves broker ids of the slaves in sync; empty on a slave
   * @param detail a sentence for people
   */
  record Status(
      String role,
      long epoch,
      long confirmedTo,
      int inSync,
      SortedSet<Long> slaves,
      String detail) {}

  /**
   * A slave with a connection, as its master sees it.
   *
   * @param address at which RocketMQ clients reach it
   * @param receivedTo end of what it said that it has
   * @param sentTo end of what was sent to it
   * @param bytesPerSecond of the log that went to it lately
   */
  record Slave(
      long brokerId,
      String address,
      long receivedTo,
      long sentTo,
      boolean inSync,
      long bytesPerSecond) {}

  /**
   * A master, as its slave sees it.
   *
   * @param address that it is followed at
   * @param lastReadMs when something came from it, 0 for never
   * @param lastWriteMs when something was said to it, 0 for never
   * @param bytesPerSecond of the log that came lately
   */
  record Upstream(String address, long lastReadMs, long lastWriteMs, long bytesPerSecond) {}

  /**
   * State that is not in the log, since another kind of Broker writes it.
   *
   * @param directory where its files are, as that Broker has them
   * @param version rises with each change; 0 if there is none yet
   */
  record ForeignState(Path directory, long version) {}

  /** Where the state is, if it is not in the log; else null. */
  default ForeignState foreignState() {
    return null;
  }

  /** Whether the log is a copy of another Broker's: it takes no appends but {@link RawLog}'s. */
  boolean follows();

  /** Where the Broker is that takes what this one refuses, as a half sentence; for a slave. */
  String whereToGo();

  /**
   * Begins, before the first append.
   *
   * @param moved called when the confirmed end has moved, or when a follower's log has grown
   * @return completes when appends may begin
   */
  CompletionStage<Void> start(MessageStore store, Runnable moved);

  /**
   * Why nothing may be acked now, with any ack level, or null: a master whose lease ran out may
   * have a successor. Asked before a request is taken, and again before it is acked.
   */
  default StoreException fenced() {
    return null;
  }

  /** Number of the epoch that what is appended now belongs to; 0 where the log has none. */
  default long epoch() {
    return 0;
  }

  /** Whether {@link #fenced} may ever be other than null. */
  default boolean mayBeFenced() {
    return false;
  }

  /** Something may have been appended: at the end of a turn. */
  void appended();

  /** Why nothing can be confirmed by slaves now, or null. */
  StoreException refusal();

  /**
   * Calls back once: with null when what lies before this offset is forced here and confirmed by
   * the slaves in sync, and these are enough; else with the failure, after a bounded time.
   */
  void whenReplicated(long physicalOffset, Consumer<StoreException> done);

  /** Completes when what lies before this offset is confirmed, by however many slaves. */
  CompletionStage<Void> whenConfirmed(long physicalOffset);

  /** First byte of the log that a follower has to keep, as its master does. */
  long keepFrom();

  Status status();

  /** The slaves that are connected, by broker id; none on a slave. */
  default List<Slave> slaves() {
    return List.of();
  }

  /** Whom a slave follows; null on a master. */
  default Upstream upstream() {
    return null;
  }

  /**
   * Makes a slave the master: its Broker is closed and started again.
   *
   * @param force also where acked messages may be missing here
   * @return completes when it takes sends; fails with a {@link StoreException} of kind
   *     REPLICAS_MISSING if it may not be without force
   */
  CompletionStage<Void> promote(boolean force);

  /** Ends it: connections are closed, and who waits is answered. */
  CompletionStage<Void> stop();

  /** See {@link #NONE}. */
  final class None implements Replication {
    private None() {}

    @Override
    public boolean follows() {
      return false;
    }

    @Override
    public String whereToGo() {
      return "";
    }

    @Override
    public CompletionStage<Void> start(MessageStore store, Runnable moved) {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void appended() {
      // Nobody to tell.
    }

    @Override
    public StoreException refusal() {
      return new StoreException(
          StoreException.Kind.REPLICAS_MISSING,
          "the ack level 'replicated' was asked for, but this Broker takes no slaves; use 'disk',"
              + " or start it with --replication-port");
    }

    @Override
    public void whenReplicated(long physicalOffset, Consumer<StoreException> done) {
      done.accept(refusal());
    }

    @Override
    public CompletionStage<Void> whenConfirmed(long physicalOffset) {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public long keepFrom() {
      return Long.MAX_VALUE;
    }

    @Override
    public Status status() {
      return new Status("master", 0, Long.MAX_VALUE, 0, new TreeSet<>(), "takes no slaves");
    }

    @Override
    public CompletionStage<Void> promote(boolean force) {
      return CompletableFuture.failedFuture(
          new StoreException(StoreException.Kind.NOT_A_SLAVE, "this Broker is a master already"));
    }

    @Override
    public CompletionStage<Void> stop() {
      return CompletableFuture.completedFuture(null);
    }
  }
}
