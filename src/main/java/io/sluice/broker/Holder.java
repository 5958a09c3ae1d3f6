package io.sluice.broker;

import java.util.HashSet;
import java.util.Set;

/** One who holds leases and waits: a socket. Owned by the Broker's event loop. */
final class Holder {

  final String name;

  /** As in {@link Holders}. */
  final int number;

  /** Where it has, or had, leases. */
  final Set<QueueCursor> cursors = new HashSet<>();

  final Set<Waiter> waiters = new HashSet<>(2);

  Holder(String name, int number) {
    this.name = name;
    this.number = number;
  }
}
