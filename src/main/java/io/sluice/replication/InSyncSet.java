package io.sluice.replication;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which slaves have the log, and what is confirmed by that. Pure: time and offsets are passed in.
 *
 * <p>A slave is counted, that is, waited for, from the moment on at which it was seen close to the
 * end; it is <i>in sync</i> when it has all that was confirmed before it was counted. It leaves
 * when its connection ends, or when it has not caught up for the timeout. What is confirmed never
 * goes back.
 */
final class InSyncSet {

  private final long timeoutMs;
  private final Map<Long, Member> members = new HashMap<>();
  private long confirmed;

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
    confirmed = Math.max(confirmed, least);
    return confirmed;
  }

  /** How many slaves are in sync. */
  int inSync() {
    int count = 0;
    for (Member member : members.values()) {
      count += member.inSync ? 1 : 0;
    }
    return count;
  }

  boolean isInSync(long id) {
    Member member = members.get(id);
    return member != null && member.inSync;
  }

  int connected() {
    return members.size();
  }
}
