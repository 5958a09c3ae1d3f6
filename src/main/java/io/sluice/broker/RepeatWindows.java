package io.sluice.broker;

import io.sluice.message.RepeatKey;
import io.sluice.store.RepeatEntries;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * The windows in which repeated sends are recognised, one for each topic: bounded by time and by
 * number, as the topic says, and by number for all of them together. Where all are too many the
 * largest gives way, so a busy topic does not shorten the windows of the others.
 *
 * <p>Topics are told apart by the bits of a hash that stand for them ({@link
 * RepeatKey#TOPIC_BITS}), as a start knows no more of an entry. Two topics with the same bits share
 * a window, with the larger of their bounds.
 *
 * <p>Owned by the Broker's event loop.
 */
final class RepeatWindows {

  /** How exactly the age of entries is known, as far as memory goes. */
  private static final long MARK_MS = 1_000;

  /** The part of all entries that the largest window gives at a time. */
  private static final int PART_TO_GIVE = 256;

  private record Bounds(long windowMs, int entries) {

    Bounds orMore(Bounds other) {
      return new Bounds(Math.max(windowMs, other.windowMs), Math.max(entries, other.entries));
    }
  }

  private final Bounds defaults;
  private final int most;
  private final Bounds[] bounds = new Bounds[1 << RepeatKey.TOPIC_BITS];
  private final RepeatTable[] tables = new RepeatTable[1 << RepeatKey.TOPIC_BITS];

  /** Which of the tables there are. */
  private final List<Integer> used = new ArrayList<>();

  private long longestMs;
  private int mostOfTopic;
  private long markedMs = Long.MIN_VALUE;
  private int size;

  /**
   * None yet.
   *
   * @param windowMs how long a send is remembered, where its topic does not say
   * @param entries how many sends of a topic are remembered, where it does not say
   * @param most how many sends are remembered, of all topics together
   */
  RepeatWindows(long windowMs, int entries, int most) {
    defaults = new Bounds(windowMs, entries);
    this.most = most;
    longestMs = windowMs;
    mostOfTopic = entries;
  }

  /** Takes over what the topics say. */
  void configure(Collection<TopicState> topics) {
    Arrays.fill(bounds, null);
    longestMs = defaults.windowMs;
    mostOfTopic = defaults.entries;
    for (TopicState topic : topics) {
      Bounds of =
          new Bounds(
              topic.duplicateWindowMs < 0 ? defaults.windowMs : topic.duplicateWindowMs,
              topic.duplicateEntries < 0 ? defaults.entries : topic.duplicateEntries);
      int number = RepeatKey.topicNumber(topic.name());
      bounds[number] = bounds[number] == null ? of : of.orMore(bounds[number]);
      longestMs = Math.max(longestMs, of.windowMs);
      mostOfTopic = Math.max(mostOfTopic, of.entries);
    }
  }

  /** How many sends are remembered. */
  int size() {
    return size;
  }

  /** The longest window, in ms; 0 if nothing is recognised at all. */
  long longestMs() {
    return longestMs;
  }

  /** How many sends of one topic are remembered at most. */
  int mostOfTopic() {
    return mostOfTopic;
  }

  /**
   * Reads what {@link #find} will read first, so that the processor fetches it while it goes on.
   *
   * @return a number that means nothing
   */
  long fetch(long hash) {
    RepeatTable table = tables[RepeatKey.topicNumber(hash)];
    return table == null ? 0 : table.fetch(hash);
  }

  /**
   * Asks about the entries with a hash, from the newest on.
   *
   * @return whether one was it
   */
  boolean find(long hash, RepeatTable.Question question) {
    RepeatTable table = tables[RepeatKey.topicNumber(hash)];
    return table != null && table.find(hash, question);
  }

  /**
   * Adds an entry, the newest of its topic.
   *
   * @return its number in the window of its topic
   */
  long add(int low, long place) {
    int number = RepeatEntries.topicNumber(place);
    RepeatTable table = tables[number];
    if (table == null) {
      table = new RepeatTable();
      table.mark(markedMs);
      tables[number] = table;
      used.add(number);
    }
    long entry = table.next();
    table.add(low, place);
    size++;
    return entry;
  }

  /** Takes back the newest entry of the topic of a hash. */
  void takeBack(long hash) {
    RepeatTable table = tables[RepeatKey.topicNumber(hash)];
    table.takeBack(table.next() - 1);
    size--;
  }

  /** Changes where the record of an entry is. */
  void setPlace(long entry, long place) {
    tables[RepeatEntries.topicNumber(place)].setPlace(entry, place);
  }

  /** Drops the oldest of what is too much, after entries of a topic were added for good. */
  void bound(int number) {
    keepNewest(tables[number], bounds(number).entries);
    while (size > most) {
      RepeatTable largest = tables[used.get(0)];
      for (int other : used) {
        largest = tables[other].size() > largest.size() ? tables[other] : largest;
      }
      int given = Math.max(size - most, Math.min(most / PART_TO_GIVE, largest.size() / 2));
      keepNewest(largest, Math.max(0, largest.size() - given));
    }
  }

  private void keepNewest(RepeatTable table, int entries) {
    int before = table.size();
    table.keepNewest(entries);
    size -= before - table.size();
  }

  private Bounds bounds(int number) {
    return bounds[number] == null ? defaults : bounds[number];
  }

  /** Whether {@link #forgetOld} has something to do. */
  boolean isTimeToForget(long nowMs) {
    return nowMs - markedMs >= MARK_MS || nowMs < markedMs;
  }

  /** Forgets what is too old. */
  void forgetOld(long nowMs) {
    markedMs = nowMs;
    int kept = 0;
    for (int number : used) {
      RepeatTable table = tables[number];
      int before = table.size();
      table.mark(nowMs);
      table.dropBefore(nowMs - bounds(number).windowMs);
      size -= before - table.size();
      if (table.size() == 0) {
        tables[number] = null;
      } else {
        used.set(kept++, number);
      }
    }
    used.subList(kept, used.size()).clear();
  }
}
