package io.sluice.broker;

import io.sluice.broker.StateChange.LetterJobBecame;
import io.sluice.broker.StateChange.LettersGone;
import io.sluice.bus.LetterRequest.Job;
import io.sluice.message.Names;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What is known of dead letters beside their records: for each group which are done with, and its
 * last job. Owned by the Broker's event loop.
 */
final class LetterState {

  /** Of one group. */
  static final class Letters {
    final OffsetSet gone = new OffsetSet();
    Job job;
  }

  private final Map<String, Letters> groups = new TreeMap<>();

  /** What is known of a group's letters; made if nothing is. */
  Letters of(String group) {
    return groups.computeIfAbsent(group, made -> new Letters());
  }

  /** The same, or null if nothing is known. */
  Letters known(String group) {
    return groups.get(group);
  }

  /** All that is known, by group. */
  Map<String, Letters> all() {
    return groups;
  }

  void apply(LettersGone change) {
    of(change.group()).gone.add(change.firstOffset(), change.count());
  }

  void apply(LetterJobBecame change) {
    of(change.group()).job = change.job();
  }

  /** A topic is gone; if it held dead letters, its offsets start at 0 again. */
  void topicDeleted(String topic) {
    if (topic.startsWith(Names.DEAD_LETTER_PREFIX)) {
      groups.remove(topic.substring(Names.DEAD_LETTER_PREFIX.length()));
    }
  }

  /** Adds what rebuilds this: applied again to what is ahead of it, it changes nothing. */
  void addParts(List<BrokerState.Part> parts) {
    groups.forEach(
        (group, letters) -> {
          parts.add(
              out -> {
                if (letters.gone.floor() > 0) {
                  out.accept(new LettersGone(group, 0, letters.gone.floor()));
                }
                if (letters.job != null) {
                  out.accept(new LetterJobBecame(group, letters.job));
                }
              });
          for (long block : letters.gone.blockNumbers()) {
            parts.add(
                out ->
                    letters.gone.forEachRange(
                        block, (first, count) -> out.accept(new LettersGone(group, first, count))));
          }
        });
  }
}
