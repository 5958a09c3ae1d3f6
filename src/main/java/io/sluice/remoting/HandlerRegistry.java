package io.sluice.remoting;

import java.util.HashMap;
import java.util.Map;

/** Which handler takes which request code. Filled before the listener opens, then only read. */
final class HandlerRegistry {

  private final Map<Integer, RequestHandler> handlers = new HashMap<>();

  /** Names the handler of some codes; a code has one handler. */
  HandlerRegistry add(RequestHandler handler, int... codes) {
    for (int code : codes) {
      if (handlers.put(code, handler) != null) {
        throw new IllegalStateException("request code " + code + " has two handlers");
      }
    }
    return this;
  }

  /** Whether no handler is there yet: the front is still starting. */
  boolean isEmpty() {
    return handlers.isEmpty();
  }

  /** The handler of a code, or null. */
  RequestHandler find(int code) {
    return handlers.get(code);
  }
}
