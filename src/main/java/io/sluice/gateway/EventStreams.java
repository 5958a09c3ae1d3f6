package io.sluice.gateway;

import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The event streams of one event loop. Owned by it. */
final class EventStreams {

  private final Loop loop;
  private final Set<EventStream> open = new LinkedHashSet<>();

  EventStreams(Loop loop) {
    this.loop = loop;
  }

  void add(EventStream stream) {
    if (loop.gateway.waiting().incrementAndGet() > loop.options.maxWaiting()) {
      loop.gateway.waiting().decrementAndGet();
      throw new SluiceException(
          ErrorCode.BUSY,
          "there are " + loop.options.maxWaiting() + " calls waiting, which is the most");
    }
    open.add(stream);
  }

  void remove(EventStream stream) {
    if (open.remove(stream)) {
      loop.gateway.waiting().decrementAndGet();
    }
  }

  void tick(long nowMs) {
    List.copyOf(open).forEach(stream -> stream.tick(nowMs));
  }

  void endAll() {
    List.copyOf(open).forEach(EventStream::end);
  }
}
