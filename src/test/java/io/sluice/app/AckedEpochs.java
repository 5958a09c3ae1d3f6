package io.sluice.app;

import io.sluice.app.ClientHistory.Place;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which master acked in which epoch, and whether what it acked is of the log that is left. An epoch
 * is known by the line that its master logs before it takes the first send; an ack by the host that
 * gave it. All clocks are those of one machine. Safe for any thread.
 */
final class AckedEpochs {

  private static final Pattern BEGUN =
      Pattern.compile(
          "(\\S+Z) .*: master of \\S+ in epoch (\\d+) from physical offset (\\d+) on;.*");

  private final List<Begun> begun = new ArrayList<>();
  private final List<Ack> acks = new ArrayList<>();
  private final Map<Place, Long> said = new HashMap<>();

  private record Begun(int host, long epoch, long start, long atMs) {}

  private record Ack(int host, Place place, long askedMs, long ackedMs) {}

  /**
   * A host acked what it was asked for.
   *
   * @param askedMs before the request was sent
   * @param ackedMs after the answer came
   */
  synchronized void acked(int host, Place place, long askedMs, long ackedMs) {
    acks.add(new Ack(host, place, askedMs, ackedMs));
  }

  /** An answer said where the message is in the log. */
  synchronized void said(Place place, long physicalOffset) {
    said.put(place, physicalOffset);
  }

  /** Whether a host has acked something that it was asked for after this time. */
  synchronized boolean hasAcked(int host, long sinceMs) {
    for (int i = acks.size() - 1; i >= 0 && acks.get(i).ackedMs() > sinceMs; i--) {
      if (acks.get(i).host() == host && acks.get(i).askedMs() > sinceMs) {
        return true;
      }
    }
    return false;
  }

  /**
   * Takes what a host logged in all of its lives.
   *
   * @throws AssertionError if it began an epoch that another one had begun
   */
  synchronized void logged(int host, List<String> lines) {
    for (String line : lines) {
      Matcher found = BEGUN.matcher(line);
      if (found.matches()) {
        Begun here =
            new Begun(
                host,
                Long.parseLong(found.group(2)),
                Long.parseLong(found.group(3)),
                Instant.parse(found.group(1)).toEpochMilli());
        for (Begun other : begun) {
          if (other.epoch() == here.epoch()) {
            throw new AssertionError("one epoch was begun twice: " + other + " and " + here);
          }
        }
        begun.add(here);
      }
    }
  }

  /**
   * Compares with the log at the end.
   *
   * @param history its epochs
   * @param begin its first byte: what was before has expired, or had to go from a full disk
   * @param places where its messages are
   */
  synchronized void check(List<StoredLog.Epoch> history, long begin, Map<Place, Long> places) {
    for (StoredLog.Epoch epoch : history) {
      if (begun.stream()
          .noneMatch(b -> b.epoch() == epoch.number() && b.start() == epoch.start())) {
        throw new AssertionError("nobody began " + epoch + " of " + history + ": " + begun);
      }
    }
    said.forEach(
        (place, physicalOffset) -> {
          if (physicalOffset >= begin && !physicalOffset.equals(places.get(place))) {
            throw new AssertionError(
                place + " was said to be at " + physicalOffset + ", is at " + places.get(place));
          }
        });
    Map<Integer, Long> firsts = new HashMap<>();
    places.keySet().forEach(place -> firsts.merge(place.queueId(), place.queueOffset(), Math::min));
    for (Ack ack : acks) {
      Place place = ack.place();
      boolean gone = begin > 0 && place.queueOffset() < firsts.getOrDefault(place.queueId(), 0L);
      if (!gone) {
        check(ack, history, places);
      }
    }
  }

  private void check(Ack ack, List<StoredLog.Epoch> history, Map<Place, Long> places) {
    Begun by = null;
    for (Begun each : begun) {
      if (each.host() == ack.host()
          && each.atMs() <= ack.ackedMs()
          && (by == null || each.epoch() > by.epoch())) {
        by = each;
      }
    }
    Long at = places.get(ack.place());
    if (by == null || at == null) {
      throw new AssertionError(ack + " is of " + by + ", its message is at " + at);
    }
    for (Begun each : begun) {
      // The log has whole milliseconds, rounded down.
      if (each.epoch() > by.epoch() && each.atMs() + 1 < ack.askedMs()) {
        throw new AssertionError(ack + " is of " + by + ", after the begin of " + each);
      }
    }
    for (StoredLog.Epoch epoch : history) {
      if (epoch.number() > by.epoch() && at >= epoch.start()) {
        throw new AssertionError(
            ack + " is of " + by + ", and its message at " + at + " is of " + epoch);
      }
    }
  }
}
