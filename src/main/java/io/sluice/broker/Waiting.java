package io.sluice.broker;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/**
 * All who wait, of receives and reads alike, up to a bound; and the holders that can call them off.
 * Owned by the Broker's event loop.
 */
final class Waiting {

  /** An answer that is only held up by a cold read is looked at again so soon. */
  private static final long READING_MS = 5;

  private final int limit;
  private final Holders holders;
  private final WaiterTimes times = new WaiterTimes();
  private final Map<String, Holder> byName = new HashMap<>();

  Waiting(int limit, Holders holders) {
    this.limit = limit;
    this.holders = holders;
  }

  int count() {
    return times.size();
  }

  /** When the next wait ends, or Long.MAX_VALUE. */
  long earliestMs() {
    return times.earliestMs();
  }

  /**
   * Lets a request wait.
   *
   * @throws SluiceException BUSY if too many do
   */
  void add(Waiter waiter, WaiterList list, String holderName) {
    if (times.size() >= limit) {
      throw new SluiceException(
          ErrorCode.BUSY,
          times.size() + " requests wait for messages already, as many as are allowed");
    }
    waiter.endsMs = waiter.deadlineMs;
    list.add(waiter);
    times.add(waiter);
    if (holderName != null) {
      waiter.holder = holder(holderName);
      waiter.holder.waiters.add(waiter);
    }
  }

  /** Ends a wait; the answer is the caller's. */
  void remove(Waiter waiter) {
    waiter.list.remove(waiter);
    times.remove(waiter);
    if (waiter.holder != null) {
      waiter.holder.waiters.remove(waiter);
    }
  }

  /** The holder of this name, or null if it is not known. */
  Holder knownHolder(String name) {
    return byName.get(name);
  }

  /** Answers those whose wait is over. A step of the turn. */
  void answerOverdue(long nowMs) {
    while (times.earliestMs() <= nowMs) {
      Waiter waiter = times.first();
      if (waiter.isReading()) {
        times.remove(waiter);
        waiter.deadlineMs = nowMs + READING_MS;
        times.add(waiter);
      } else {
        remove(waiter);
        waiter.answerEmpty();
      }
    }
  }

  /** A read that some in a list may have waited for has ended: who is overdue waits no longer. */
  void readingEnded(WaiterList list, long nowMs) {
    for (Waiter waiter = list == null ? null : list.first(); waiter != null; waiter = waiter.next) {
      readingEnded(waiter, nowMs);
    }
  }

  /** As the other, for one. */
  void readingEnded(Waiter waiter, long nowMs) {
    if (waiter.endsMs <= nowMs && waiter.deadlineMs > nowMs) {
      times.remove(waiter);
      waiter.deadlineMs = waiter.endsMs;
      times.add(waiter);
    }
  }

  /** Fails all who wait in a list. */
  void failAll(WaiterList list, SluiceException reason) {
    while (list != null && !list.isEmpty()) {
      Waiter waiter = list.first();
      remove(waiter);
      waiter.fail(reason);
    }
  }

  /** Fails all who wait, at the end. */
  void close(SluiceException reason) {
    while (times.size() > 0) {
      Waiter waiter = times.first();
      remove(waiter);
      waiter.fail(reason);
    }
  }

  /** Forgets a holder whose leases have been given back. */
  void forget(Holder holder) {
    byName.remove(holder.name);
    holders.giveBack(holder.number);
  }

  /** Forgets the holders that neither hold nor wait: those that left without a word. */
  void forgetIdleHolders() {
    Iterator<Holder> all = byName.values().iterator();
    while (all.hasNext()) {
      Holder holder = all.next();
      if (holders.leaseCount(holder.number) == 0 && holder.waiters.isEmpty()) {
        all.remove();
        holders.giveBack(holder.number);
      }
    }
  }

  private Holder holder(String name) {
    return byName.computeIfAbsent(name, made -> new Holder(made, holders.take()));
  }
}
