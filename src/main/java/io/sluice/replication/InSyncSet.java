package io.sluice.replication;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Which slaves have the log, and what is confirmed by that. Pure: time and offsets are passed in.
 *
 * <p>A slave is counted, that is, waited for, from the moment on at which it was seen close to the
 * end; it is <i>in sync</i> when it has all that was confirmed before it was counted. It leaves
 * when its connection ends, or when it has not caught up for the timeout. What is confirmed never
 * goes back.
 *
 * <p>Where controllers elect, the set is theirs: a slave that may be elected is waited for, whether
 * it is connected or not, until they have taken it out; and it counts as in sync only when they
 * have taken it in. A change that was asked for may have come about before its answer is here, so
 * both sets are waited for meanwhile.
 */
final class InSyncSet {

  private final long timeoutMs;
  private final Map<Long, Member> members = new HashMap<>();
  private long confirmed;

  // Of the controllers; null without them.
  private SortedSet<Long> agreed;
  private long agreedVersion = -1;
  private final Set<Long> asked = new TreeSet<>();

  /** How far each slave was, of those that may have to be waited for without being connected. */
  private final Map<Long, Long> lastReceived = new HashMap<>();

  /** A slave with a connection. */
  private static final class Member {
    private long received;
    private boolean counted;
    private boolean inSync;

    /** Confirmed when it was counted: it is in sync when it has this. */
    private long target;

    // The log ended there then; once it has that much, it had everything at that time.
    private long markEnd;
    private long markMs;
    private long caughtUpMs;
  }

  InSyncSet(long timeoutMs) {
    this.timeoutMs = timeoutMs;
  }

  /** A slave came, and has the log up to here. */
  void connected(long id, long received, long end, long nowMs) {
    // While nobody was counted all of the log was confirmed.
    confirmedTo(end);
    Member member = new Member();
    member.received = received;
    member.markEnd = end;
    member.markMs = nowMs;
    // Not caught up yet, and not late either.
    member.caughtUpMs = nowMs - timeoutMs;
    members.put(id, member);
    lastReceived.put(id, received);
    look(member, end, nowMs);
  }

  /** A slave went. */
  void gone(long id) {
    members.remove(id);
  }

  /** A slave has more. */
  void received(long id, long received, long end, long nowMs) {
    Member member = members.get(id);
    if (member != null) {
      member.received = Math.max(member.received, received);
      lastReceived.put(id, member.received);
      look(member, end, nowMs);
    }
  }

  private void look(Member member, long end, long nowMs) {
    if (member.received >= member.markEnd) {
      member.caughtUpMs = member.received >= end ? nowMs : member.markMs;
      member.markEnd = end;
      member.markMs = nowMs;
      if (!member.counted && nowMs - member.caughtUpMs < timeoutMs / 2) {
        member.counted = true;
        member.target = confirmedTo(end);
      }
    }
    if (member.counted && member.received >= member.target) {
      member.inSync = true;
    }
  }

  /**
   * Drops those that are late.
   *
   * @return their ids
   */
  List<Long> expire(long nowMs) {
    List<Long> late = new ArrayList<>();
    members.forEach(
        (id, member) -> {
          if (member.counted && nowMs - member.caughtUpMs > timeoutMs) {
            member.counted = false;
            member.inSync = false;
            late.add(id);
          }
        });
    return late;
  }

  /**
   * The end of what is confirmed.
   *
   * @param end of the log
   */
  long confirmedTo(long end) {
    long least = end;
    for (Member member : members.values()) {
      if (member.counted) {
        least = Math.min(least, member.received);
      }
    }
    if (agreed != null) {
      for (long id : agreed) {
        least = Math.min(least, lastReceived.getOrDefault(id, 0L));
      }
      for (long id : asked) {
        least = Math.min(least, lastReceived.getOrDefault(id, 0L));
      }
    }
    confirmed = Math.max(confirmed, least);
    return confirmed;
  }

  /** What was confirmed before this master began, as far as it knows. */
  void confirmedBefore(long end) {
    confirmed = Math.max(confirmed, end);
  }

  /** The controllers' set. An older one than is known is ignored. */
  void agree(long version, SortedSet<Long> slaves) {
    if (version > agreedVersion) {
      agreedVersion = version;
      agreed = new TreeSet<>(slaves);
      asked.clear();
    }
  }

  /** This set is asked for, and may be the agreed one from now on. */
  void ask(SortedSet<Long> slaves) {
    asked.addAll(slaves);
  }

  /** The slaves that are in sync by themselves, whatever is agreed. */
  SortedSet<Long> wished() {
    SortedSet<Long> wished = new TreeSet<>();
    members.forEach(
        (id, member) -> {
          if (member.inSync) {
            wished.add(id);
          }
        });
    return wished;
  }

  /** Whether all of the log is confirmed, whatever comes. */
  boolean waitsForNobody() {
    return members.isEmpty() && asked.isEmpty() && (agreed == null || agreed.isEmpty());
  }

  /** How many slaves are in sync. */
  int inSync() {
    int count = 0;
    for (long id : members.keySet()) {
      count += isInSync(id) ? 1 : 0;
    }
    return count;
  }

  boolean isInSync(long id) {
    Member member = members.get(id);
    return member != null && member.inSync && (agreed == null || agreed.contains(id));
  }

  int connected() {
    return members.size();
  }
}
