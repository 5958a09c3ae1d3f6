package io.sluice.broker;

import io.sluice.broker.StateChange.RequestModeSet;
import io.sluice.bus.PopRequest.Mode;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * How groups of RocketMQ clients are to take a topic's messages, where an operator has said so: by
 * pulls, or by pops. Part of {@link BrokerState}; at most one for each group and topic there is.
 * Owned by the Broker's event loop.
 */
final class RequestModes {

  private final Map<Key, Mode> modes = new HashMap<>();

  private record Key(String group, String topic) {}

  /** The mode; pulls unless set. */
  Mode of(String group, String topic) {
    return modes.getOrDefault(new Key(group, topic), Mode.PULL);
  }

  boolean isPopped(String group, String topic) {
    return !modes.isEmpty() && of(group, topic).popped();
  }

  void apply(RequestModeSet set) {
    Key key = new Key(set.group(), set.topic());
    if (set.popped()) {
      modes.put(key, new Mode(true, set.shareQueues()));
    } else {
      modes.remove(key);
    }
  }

  void forgetTopic(String topic) {
    modes.keySet().removeIf(key -> key.topic().equals(topic));
  }

  void forgetGroup(String group) {
    modes.keySet().removeIf(key -> key.group().equals(group));
  }

  void snapshot(Consumer<StateChange> out) {
    modes.forEach(
        (key, mode) ->
            out.accept(
                new RequestModeSet(key.group(), key.topic(), mode.popped(), mode.shareQueues())));
  }
}
