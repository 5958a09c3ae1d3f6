package io.sluice.controller;

import io.vertx.core.Future;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.function.LongConsumer;

/**
 * What a Broker holds while it is the master of its group: the epoch, the lease, and the in-sync
 * set as the controllers have it. Safe for any thread.
 */
public final class Mastership {

  private final long epoch;
  private final long node;
  private final Lease lease;
  private final BiFunction<Agreed, SortedSet<Long>, Future<Agreed>> asking;
  private final LongConsumer resigning;
  private volatile Agreed agreed;

  /**
   * An in-sync set that is in the controllers' log.
   *
   * @param version rises with each change
   * @param slaves numbers of the nodes in it without the master's own
   */
  public record Agreed(long version, SortedSet<Long> slaves) {}

  Mastership(
      long epoch,
      long node,
      Lease lease,
      Agreed agreed,
      BiFunction<Agreed, SortedSet<Long>, Future<Agreed>> asking,
      LongConsumer resigning) {
    this.epoch = epoch;
    this.node = node;
    this.lease = lease;
    this.agreed = agreed;
    this.asking = asking;
    this.resigning = resigning;
  }

  public long epoch() {
    return epoch;
  }

  /** The node's own number. */
  public long node() {
    return node;
  }

  /** Whether it may ack now. False for ever once another epoch has begun. */
  public boolean holds() {
    return lease.holds(epoch);
  }

  /** The in-sync set as it was heard last. */
  public Agreed agreed() {
    return agreed;
  }

  void learn(BrokerGroup group) {
    if (group.epoch() == epoch && group.version() > agreed.version()) {
      TreeSet<Long> slaves = new TreeSet<>(group.inSync());
      slaves.remove(node);
      agreed = new Agreed(group.version(), slaves);
    }
  }

  /**
   * Asks for another set in place of the one that is agreed.
   *
   * @return the set that is agreed then, this or another; fails where it is not known
   */
  public Future<Agreed> change(SortedSet<Long> slaves) {
    TreeSet<Long> all = new TreeSet<>(slaves);
    all.add(node);
    return asking.apply(agreed, all);
  }

  /** Gives it up, soon: nothing is acked then any more, and another is elected. */
  public void resign() {
    resigning.accept(epoch);
  }
}
