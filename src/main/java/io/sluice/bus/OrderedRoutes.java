package io.sluice.bus;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.util.HashMap;
import java.util.Map;

/**
 * The routes of one context that sends: as {@link BrokerDirectory}, but nobody overtakes. While the
 * answer for a topic's first message is on its way to the context, the route may be known already;
 * the messages behind the first one wait with it all the same, and go on in the order they asked.
 *
 * <p>Owned by the context; holds nothing that needs to be closed.
 */
public final class OrderedRoutes {

  private final BrokerDirectory directory;
  private final Context context;
  private final Map<String, Promise<String>> asking = new HashMap<>();

  /** The routes of a context. */
  public OrderedRoutes(BrokerDirectory directory, Context context) {
    this.directory = directory;
    this.context = context;
  }

  /**
   * The Broker of a topic if a message may go there at once; null if it is not known, or as long as
   * others wait for it.
   */
  public String knownBrokerFor(String topic) {
    return asking.containsKey(topic) ? null : directory.cachedBrokerFor(topic);
  }

  /**
   * The Broker of a topic; completes on the context, in the order of the calls. Fails as {@link
   * BrokerDirectory#brokerFor} does.
   */
  public Future<String> brokerFor(String topic) {
    String known = knownBrokerFor(topic);
    if (known != null) {
      return Future.succeededFuture(known);
    }
    Promise<String> running = asking.get(topic);
    if (running != null) {
      return running.future();
    }
    Promise<String> promise = Promise.promise();
    asking.put(topic, promise);
    directory
        .brokerFor(topic)
        .onComplete(
            found ->
                context.runOnContext(
                    nothing -> {
                      asking.remove(topic);
                      promise.handle(found);
                    }));
    return promise.future();
  }
}
