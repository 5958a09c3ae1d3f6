package io.sluice.controller;

import io.sluice.controller.Command.Elect;
import io.sluice.util.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * What the leader of the controllers knows for itself, and decides by: who was heard when. Nothing
 * of it is in the log. It proposes; {@link ControllerState} disposes.
 *
 * <p>A master's lease is counted here from the receipt of a renewal, at the master from its
 * sending. So it ends there first, by the margin and the way of the message. Who becomes the leader
 * has heard nobody, and waits a whole lease first.
 *
 * <p>For one thread.
 */
final class Elections {

  /** A group that nobody knows yet: so long its nodes are waited for, to choose the longest log. */
  static final long GATHER_MS = 1_000;

  /** Clocks of two machines run apart by far less; a stop of this process shows by it. */
  static final long MARGIN_MS = 500;

  private final Clock clock;
  private final long leaseNs;
  private final Map<String, Heard> groups = new HashMap<>();
  private boolean leader;
  private long ledSinceNs;
  private long tickedNs;

  /** Of one group. */
  private static final class Heard {
    private final Map<Long, Report> nodes = new TreeMap<>();
    private long firstNs;
    private long epoch = -1;
    private long renewedNs;
    private long resignedEpoch = -1;
  }

  /**
   * What a node said last.
   *
   * @param epoch the last of its log
   * @param end of its log
   */
  record Report(long atNs, String incarnation, long epoch, long end) {}

  Elections(Clock clock, Duration lease) {
    this.clock = clock;
    leaseNs = lease.toNanos();
  }

  private static long ns(long ms) {
    return ms * 1_000_000;
  }

  /** This process leads from now on, or does not. */
  void lead(boolean leads) {
    leader = leads;
    groups.clear();
    ledSinceNs = clock.nowNs();
    tickedNs = ledSinceNs;
  }

  boolean isLeader() {
    return leader;
  }

  /** A node says that it lives. Called before the answer is thought of. */
  void heard(BrokerGroup group, long node, String incarnation, long epoch, long end) {
    long nowNs = clock.nowNs();
    Heard heard = groups.computeIfAbsent(group.name(), name -> new Heard());
    if (heard.nodes.isEmpty()) {
      heard.firstNs = nowNs;
    }
    heard.nodes.put(node, new Report(nowNs, incarnation, epoch, end));
    observe(group, heard, nowNs);
    if (group.master() == node
        && group.incarnation().equals(incarnation)
        && heard.resignedEpoch != group.epoch()) {
      heard.renewedNs = nowNs;
    }
  }

  /**
   * An epoch that begins while this process leads counts as renewed: its master may have been
   * granted its lease by the answer to what it had sent before it was elected. One that is there
   * when this process hears the first of the group was granted by those who led before, all before
   * {@link #lead}.
   */
  private void observe(BrokerGroup group, Heard heard, long nowNs) {
    if (heard.epoch != group.epoch()) {
      heard.renewedNs = heard.epoch < 0 ? ledSinceNs : nowNs;
      heard.epoch = group.epoch();
    }
  }

  /** The master has stopped: nobody has to wait for the end of its lease. */
  void resigned(BrokerGroup group, long node, String incarnation) {
    Heard heard = groups.get(group.name());
    if (heard != null && group.master() == node && group.incarnation().equals(incarnation)) {
      heard.resignedEpoch = group.epoch();
      heard.nodes.remove(node);
    }
  }

  /** Whether a node was heard of lately. */
  boolean isAlive(String name, long node) {
    Heard heard = groups.get(name);
    Report report = heard == null ? null : heard.nodes.get(node);
    return report != null && clock.nowNs() - report.atNs < leaseNs;
  }

  /** What is to be decided now. */
  List<Elect> tick(ControllerState state) {
    long nowNs = clock.nowNs();
    if (nowNs - tickedNs > ns(MARGIN_MS)) {
      // This process stood still: it has heard nobody meanwhile, whoever spoke.
      ledSinceNs = nowNs;
    }
    tickedNs = nowNs;
    List<Elect> elections = new ArrayList<>();
    if (leader) {
      for (String name : List.copyOf(groups.keySet())) {
        Elect elect = decide(state.group(name), groups.get(name), nowNs);
        if (elect != null) {
          elections.add(elect);
        }
      }
    }
    return elections;
  }

  private Elect decide(BrokerGroup group, Heard heard, long nowNs) {
    if (group.epoch() == 0) {
      return nowNs - heard.firstNs < ns(GATHER_MS)
          ? null
          : choose(group, heard, nowNs, group.nodes()::containsKey);
    }
    observe(group, heard, nowNs);
    boolean resigned = heard.resignedEpoch == group.epoch();
    long sinceNs = Math.max(heard.renewedNs, ledSinceNs);
    if (!resigned && nowNs - sinceNs <= leaseNs + ns(MARGIN_MS)) {
      return null;
    }
    if (resigned) {
      // It could not, or would not: another, if there is one.
      Elect other =
          choose(
              group, heard, nowNs, node -> node != group.master() && group.inSync().contains(node));
      if (other != null) {
        return other;
      }
    }
    return choose(group, heard, nowNs, group.inSync()::contains);
  }

  private Elect choose(BrokerGroup group, Heard heard, long nowNs, Predicate<Long> mayBe) {
    return heard.nodes.entrySet().stream()
        .filter(node -> mayBe.test(node.getKey()))
        .filter(node -> nowNs - node.getValue().atNs < leaseNs)
        .max(
            Comparator.comparingLong((Map.Entry<Long, Report> node) -> node.getValue().epoch())
                .thenComparing(node -> node.getValue().end())
                .thenComparing(node -> -node.getKey()))
        .map(node -> elect(group, node.getKey(), node.getValue().incarnation(), false))
        .orElse(null);
  }

  /** An election of this node, in an epoch that is larger than all that were heard of. */
  Elect elect(BrokerGroup group, long node, String incarnation, boolean unclean) {
    long most = group.epoch();
    Heard heard = groups.get(group.name());
    if (heard != null) {
      for (Report report : heard.nodes.values()) {
        most = Math.max(most, report.epoch());
      }
    }
    return new Elect(group.name(), group.epoch(), most + 1, node, incarnation, unclean);
  }

  /** The incarnation of a node that lives, or null. */
  String incarnationOf(String name, long node) {
    return isAlive(name, node) ? groups.get(name).nodes.get(node).incarnation() : null;
  }
}
