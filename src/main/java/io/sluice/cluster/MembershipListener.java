package io.sluice.cluster;

/** Is told which processes join the cluster and which leave it; called on any thread. */
@FunctionalInterface
public interface MembershipListener {

  /**
   * A process came or went.
   *
   * @param nodeId as the event bus names it
   * @param joined false if it has left, died, or was cut off
   */
  void changed(String nodeId, boolean joined);
}
