package io.sluice.bus;

import java.util.List;

/**
 * What a Broker tells a front about its connections. Goes to {@link Addresses#front}; not answered,
 * and nothing is lost with it: clients find out by themselves, only later.
 */
public sealed interface FrontNotice extends BusMessage {

  /**
   * Who is in a consumer group, or what it wants, has changed.
   *
   * @param holders the front's connections to tell
   */
  record GroupChanged(String group, List<String> holders) implements FrontNotice {}
}
